// Turns the table of commands into a program: parsing, help, and the exit status.
//   0 fine   1 the input has problems   2 wrong usage   3 our bug   130, 143 cut short by SIGINT, SIGTERM

import { Command, CommanderError } from 'commander';
import { DiagnosticError } from '../ir/diagnostic.ts';
import { type CommandContext, type Io, openContext, UsageError } from './context.ts';

export const EXIT = { fine: 0, input: 1, usage: 2, bug: 3 } as const;
/** What `bbc --help` shows. */
const EXAMPLES = [
  'bbc init demo',
  'bbc compile model.ts --peers topology.json',
  'bbc run dist --random 1',
  'bbc explain BB411',
];
/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** One command. Its file imports nothing heavy: `run` loads what it needs, so that `--help` answers at once. */
export interface CommandSpec {
  /** Name and arguments in commander's notation, such as `check <files...>`. */
  readonly usage: string;
  readonly summary: string;
  /** Adds the command's own options. */
  readonly options: (command: Command) => Command;
  readonly examples: readonly string[];
  /** `args` are the positional ones, in order, variadic ones flattened. */
  readonly run: (cx: CommandContext, args: readonly string[], options: never) => Promise<void>;
}

/** Declares a command; gives `run` the type of its options. */
export const command = <Options>(
  spec: Omit<CommandSpec, 'run'> & {
    readonly run: (cx: CommandContext, args: readonly string[], options: Options) => Promise<void>;
  },
): CommandSpec => spec;

/** Runs the program once and gives its exit status; throws nothing. `argv` starts with the command's name. */
export async function runCli(
  commands: readonly CommandSpec[],
  argv: readonly string[],
  io: Io,
  version: string,
): Promise<number> {
  let status: number = EXIT.fine;
  const program = new Command('bbc')
    .description('Compile one ONNX computation for many peers, and run it.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(bbc --help lists commands and options)')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  program.addHelpText('after', examplesText(EXAMPLES));
  for (const spec of commands) {
    const sub = spec.options(program.command(spec.usage).description(spec.summary));
    sub.showHelpAfterError(`(bbc ${sub.name()} --help lists its options)`);
    sub.addHelpText('after', examplesText(spec.examples));
    sub.action(async () => {
      status = await runCommand(spec, sub, io);
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    // Commander has printed already, also for `--help` and `--version`, which it reports as errors of status 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    throw error;
  }
  return status;
}

const examplesText = (lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;

async function runCommand(spec: CommandSpec, sub: Command, io: Io): Promise<number> {
  const options = sub.opts<{ json?: boolean }>();
  const cx = openContext(io, options.json === true);
  try {
    await spec.run(cx, sub.args, options as never);
  } catch (error) {
    if (error instanceof UsageError) {
      cx.progress();
      io.stderr.write(`error: ${error.message}\n(bbc ${sub.name()} --help lists its options)\n`);
      return EXIT.usage;
    }
    if (!(error instanceof DiagnosticError)) {
      cx.progress();
      io.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      io.stderr.write(
        'This is a bug in bytesandbrains, not in your input. Please report it with the lines above and the command line.\n',
      );
      return EXIT.bug;
    }
    cx.report(error.diagnostics);
  }
  cx.finish();
  if (cx.failed) return EXIT.input;
  return cx.signal === undefined ? EXIT.fine : SIGNAL_STATUS[cx.signal];
}
