// Whether a command line that a text shows is one that bbc takes, without running it.

import { commands } from '../../cli/commands.ts';
import { bbcOf } from './bbc.ts';

const parser = bbcOf(...commands.map((spec) => ({ ...spec, run: async () => {} })));

/** Words of a line up to what only a shell sees. */
const wordsOf = (line: string): string[] =>
  (/^[^|;<>()&]*/.exec(line)![0].match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) =>
    word.replace(/^(['"])(.*)\1$/, '$2'),
  );

/** What bbc says against a line `bbc …`: nothing if it knows the command, its options and its arguments. */
export async function refusalOf(line: string): Promise<string> {
  const [name, ...argv] = wordsOf(line);
  if (name !== 'bbc') return `${line}: not a command of bbc`;
  const { status, err } = await parser(...argv);
  return status === 0 ? '' : `${line}: ${err}`;
}
