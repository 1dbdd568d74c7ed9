// Commands of `bbc` in this process, and what they print.

import { type CommandSpec, runCli } from '../../cli/frame.ts';

export interface Printed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A `bbc` that knows these commands; its standard streams are no terminals. */
export const bbcOf =
  (...commands: readonly CommandSpec[]) =>
  async (...argv: readonly string[]): Promise<Printed> => {
    const [out, err]: [string[], string[]] = [[], []];
    const io = {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: {},
    };
    const status = await runCli(commands, argv, io, '1.0.0');
    return { status, out: out.join(''), err: err.join('') };
  };
