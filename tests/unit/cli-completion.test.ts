// The bash script in a real bash. zsh and fish need not be there, so bash reads their scripts as far as the three
// have the same syntax: quotes and brackets in both, and all words of fish's.
// Reads the built package: `npm test` builds first.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { projectRoot } from '../support/root.ts';

const main = path.join(projectRoot, 'dist/cli/main.js');
const bbc = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
const folder = mkdtempSync(path.join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'my model.onnx'), '');
const [script, zsh, fish] = ['bash', 'zsh', 'fish'].map((shell) => bbc('completion', shell).stdout);

/** Runs a script; gives what it prints, if it says nothing against it. */
function bash(...args: string[]): string {
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const line = `${script}
complete -p bbc >/dev/null || exit 9
COMP_WORDS=(bbc ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _bbc
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return bash('-c', line)
    .split('\n')
    .filter((word) => word !== '');
}

test('bash completes commands, options of the command, and files', () => {
  expect(offered('comp')).toEqual(['compile', 'completion']);
  expect(offered('compile', '--p')).toEqual(['--peers', '--print-after']);
  expect(offered('inspect', 'my')).toEqual(['my model.onnx']);
  expect(offered('completion', 'z')).toEqual(['zsh']);
  expect(offered('')).toContain('init');
});

test('zsh and fish name every command and option that bash does', () => {
  for (const name of offered('').filter((word) => !word.startsWith('-'))) {
    expect(zsh).toContain(`'${name}:`);
    expect(fish).toContain(` -a ${name} `);
    for (const flag of offered(name, '--')) {
      expect(zsh).toContain(flag);
      expect(fish).toContain(`-l ${flag.slice(2)} `);
    }
  }
});

test('another shell is wrong usage', () => {
  const { status, stderr } = bbc('completion', 'tcsh');
  expect([status, stderr]).toEqual([2, expect.stringContaining('bash, zsh or fish')]);
});

test('the quotes and brackets of the zsh script close', () => {
  bash('-n', '-c', zsh!);
});

test('every line of the fish script is one complete command: whose, when, what, and what it is for', () => {
  const words = bash('-c', `complete() { printf '%s\\t' "$@"; echo; }\n${fish}`);
  const lines = words.trimEnd().split('\n');
  expect(lines.length).toBe(fish!.split('\n').filter((line) => line.startsWith('complete ')).length);
  for (const line of lines) {
    expect(line.trimEnd()).toMatch(
      /^-c\tbbc\t-n\t__fish_\w+( \w+)?\t(-f\t-a\t[\w ]+|-l\t[\w-]+(\t-r)?|-s\t\w(\t-r)?)(\t-d\t[^\t]+)?$/,
    );
  }
});
