// What `bbc init` asks on a terminal.

import { createInterface } from 'node:readline/promises';
import { DEFAULT_FOLDER } from '../commands/init.ts';
import { UsageError } from '../context.ts';
import { type Template, templates } from './templates.ts';

/** Asks a question and gives the line that came back. */
export type Ask = (question: string) => Promise<string>;

export async function askFolder(ask: Ask): Promise<string> {
  const answer = (await ask(`folder (${DEFAULT_FOLDER}): `)).trim();
  return answer === '' ? DEFAULT_FOLDER : answer;
}

/** By number or name; asks again after anything else. */
export async function askTemplate(ask: Ask): Promise<Template> {
  const list = templates.map(({ name, about }, index) => `  ${index + 1}  ${name.padEnd(8)}${about}\n`);
  for (let question = `template\n${list.join('')}(1): `; ; question = `1 to ${templates.length}: `) {
    const answer = (await ask(question)).trim();
    const found =
      answer === ''
        ? templates[0]
        : (templates[Number(answer) - 1] ?? templates.find(({ name }) => name === answer));
    if (found !== undefined) return found;
  }
}

/** Questions on this process's terminal; on stderr, since stdout is for results. */
export async function onTerminal<Result>(questions: (ask: Ask) => Promise<Result>): Promise<Result> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new UsageError('no answer: give the folder and --template, or --yes')));
  });
  try {
    return await Promise.race([questions((question) => lines.question(question)), gone]);
  } finally {
    lines.removeAllListeners('close').close();
  }
}
