// The command table as completion sees it: names, options with what they take, and words that a command knows.

import { Command } from 'commander';
import type { CommandSpec } from '../frame.ts';

export interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly {
    readonly flag: string;
    readonly takesValue: boolean;
    readonly about: string;
  }[];
}

export function describeCommands(commands: readonly CommandSpec[]): readonly Described[] {
  return commands.map((spec) => {
    const command = spec.options(new Command(spec.usage.split(' ')[0]));
    const options = command.options.flatMap(({ short, long, description, required, optional }) =>
      [short, long]
        .filter((flag) => flag !== undefined)
        .map((flag) => ({ flag, takesValue: required || optional, about: description })),
    );
    return {
      name: command.name(),
      summary: spec.summary,
      options: [...options, { flag: '--help', takesValue: false, about: 'show how to use it' }],
    };
  });
}
