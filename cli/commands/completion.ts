// bbc completion: a script for the shell that completes commands, options and files.

import { UsageError } from '../context.ts';
import { type CommandSpec, command } from '../frame.ts';

/** `commands`: the others, which are asked for only when a script is made. */
export const completionOf = (commands: () => readonly CommandSpec[]): CommandSpec =>
  command<object>({
    usage: 'completion <shell>',
    summary: 'print a completion script for bash, zsh or fish',
    options: (c) => c,
    examples: [
      'eval "$(bbc completion bash)"',
      'eval "$(bbc completion zsh)"',
      'bbc completion fish | source',
    ],
    async run(cx, [shell]) {
      const [{ describeCommands }, scripts] = await Promise.all([
        import('../completion/describe.ts'),
        import('../completion/scripts.ts'),
      ]);
      const makers: Readonly<Record<string, (typeof scripts)['bash']>> = { ...scripts };
      const make = Object.hasOwn(makers, shell!) ? makers[shell!] : undefined;
      if (make === undefined) throw new UsageError(`the shell is bash, zsh or fish, not '${shell}'`);
      cx.print(make(describeCommands(commands())));
    },
  });
