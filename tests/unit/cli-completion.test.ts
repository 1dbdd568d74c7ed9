// The bash script in a real bash; those of zsh and fish only as text, since those shells are not there.
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
const script = bbc('completion', 'bash').stdout;

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const line = `${script}
complete -p bbc >/dev/null || exit 9
COMP_WORDS=(bbc ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _bbc
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', line], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, options of the command, and files', () => {
  expect(offered('comp')).toEqual(['compile', 'completion']);
  expect(offered('compile', '--p')).toEqual(['--peers', '--print-after']);
  expect(offered('inspect', 'my')).toEqual(['my model.onnx']);
  expect(offered('completion', 'z')).toEqual(['zsh']);
  expect(offered('')).toContain('init');
});

test('zsh and fish name every command and option that bash does', () => {
  const [zsh, fish] = ['zsh', 'fish'].map((shell) => bbc('completion', shell).stdout);
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

test('every command has examples in its help, of at most 100 columns', () => {
  for (const name of offered('').filter((word) => !word.startsWith('-'))) {
    const { stdout, status } = bbc(name, '--help');
    expect(status).toBe(0);
    const [, examples = ''] = stdout.split('Examples:\n');
    const lines = examples.split('\n').filter((line) => line.trim() !== '');
    expect(lines.length, name).toBeGreaterThan(0);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(102);
  }
});
