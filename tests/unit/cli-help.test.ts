// What `--help` says, held against what the commands take.

import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { bbcOf } from '../support/bbc.ts';
import { refusalOf } from '../support/parse-line.ts';

const bbc = bbcOf(...commands);
const examplesIn = (help: string): string[] =>
  (help.split('Examples:\n')[1] ?? '')
    .split('\n')
    .flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));

describe.each(commands.map((spec) => ({ name: spec.usage.split(' ')[0]!, spec })))(
  'bbc $name',
  ({ name, spec }) => {
    test('shows examples of itself that it takes, of at most 100 columns', async () => {
      const { status, out } = await bbc(name, '--help');
      expect(status).toBe(0);
      const examples = examplesIn(out);
      expect(examples.length).toBeGreaterThan(0);
      for (const line of examples) {
        expect(line.length, line).toBeLessThanOrEqual(100);
        // In a substitution, or in a pipe.
        const own = /bbc [^|")]*/.exec(line)?.[0].trim() ?? line;
        expect(own.split(' ')[1], line).toBe(name);
        expect(await refusalOf(own)).toBe('');
      }
    });

    test('says of every option what it is for', () => {
      const { options } = spec.options(new Command(name));
      expect(
        options.filter(({ description }) => description.trim() === '').map(({ flags }) => flags),
      ).toEqual([]);
    });
  },
);

test('bbc --help lists every command and shows examples that bbc takes', async () => {
  const { status, out } = await bbc('--help');
  expect(status).toBe(0);
  for (const { usage, summary } of commands) {
    expect(out).toContain(`  ${usage.split(' ')[0]} `);
    expect(out.replace(/\s+/g, ' ')).toContain(summary);
  }
  const examples = examplesIn(out);
  expect(examples.length).toBeGreaterThan(0);
  for (const line of examples) expect(await refusalOf(line)).toBe('');
});

test('an option that is not there is refused', async () => {
  expect(await refusalOf('bbc run dist --randum 1')).toContain('Did you mean --random?');
});
