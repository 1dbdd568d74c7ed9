// `bbc init`: what it asks, what it writes, and that every template type-checks, compiles and runs as it says.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { init } from '../../cli/commands/init.ts';
import { lintCommand } from '../../cli/commands/lint.ts';
import { run } from '../../cli/commands/run.ts';
import { askFolder, askTemplate } from '../../cli/init/ask.ts';
import { isPackageName, nameAfter } from '../../cli/init/create.ts';
import { dependencyOn } from '../../cli/init/dependency.ts';
import { firstCommands } from '../../cli/init/files.ts';
import { templates } from '../../cli/init/templates.ts';
import { bbcOf } from '../support/bbc.ts';
import { projectRoot } from '../support/root.ts';

const bbc = bbcOf(init, compileCommand, run, lintCommand);
const scratch = mkdtempSync(path.join(tmpdir(), 'init-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const packageOf = (folder: string) =>
  JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    name: string;
    dependencies: Record<string, string>;
  };

describe.each(templates)('the template $name', (template) => {
  const folder = path.join(scratch, template.name);

  test('is written without a question where nobody can answer', async () => {
    const { status, out, err } = await bbc('init', folder, '--template', template.name);
    expect([status, err]).toEqual([0, '']);
    for (const line of firstCommands({ template })) expect(out).toContain(`  ${line}\n`);
    expect(readdirSync(folder).sort()).toEqual([
      '.gitignore',
      '.npmrc',
      'README.md',
      'bytesandbrains.json',
      'model.ts',
      'package.json',
      'topology.json',
      'tsconfig.json',
    ]);
  });

  test('type-checks, compiles, lints and runs', async () => {
    const [model, peers, dist] = ['model.ts', 'topology.json', 'dist'].map((file) => path.join(folder, file));
    const compiled = await bbc('compile', model!, '--peers', peers!, '-o', dist!);
    expect([compiled.status, compiled.err]).toEqual([0, '']);
    const linted = await bbc('lint', model!, '--peers', peers!, '--max-warnings', '0');
    expect([linted.status, linted.err]).toEqual([0, '']);
    const verify = template.verifies ? ['--verify'] : [];
    const ran = await bbc('run', model!, '--peers', peers!, '--random', '1', ...verify);
    expect([ran.status, ran.err]).toEqual([0, '']);
    if (template.verifies) expect(ran.out).toContain('verified');
  });
});

test('hello is the example of the README', () => {
  const example = readFileSync(path.join(projectRoot, 'examples/01-hello/model.ts'), 'utf8');
  expect(readFileSync(path.join(projectRoot, 'cli/init/templates/hello/model.ts'), 'utf8')).toBe(example);
});

describe('the folder', () => {
  test('that holds something is refused, and nothing in it changes', async () => {
    const folder = path.join(scratch, 'full');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'README.md'), 'mine');
    const { status, err } = await bbc('init', folder);
    expect(status).toBe(1);
    expect(err).toContain('BB891');
    expect(err).toContain('is not empty: it holds README.md');
    expect(readdirSync(folder)).toEqual(['README.md']);
    expect((await bbc('init', folder, '--force')).status).toBe(0);
    expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toContain('# full');
  });

  test('that is a fresh repository is taken', async () => {
    const folder = path.join(scratch, 'fresh');
    mkdirSync(path.join(folder, '.git'), { recursive: true });
    expect((await bbc('init', folder)).status).toBe(0);
  });

  test('that is a file is refused', async () => {
    const file = path.join(scratch, 'file');
    writeFileSync(file, '');
    for (const force of [[], ['--force']]) {
      const { status, err } = await bbc('init', file, ...force);
      expect([status, err]).toEqual([1, expect.stringMatching(/cannot write .*: it is a file/)]);
    }
    const inside = await bbc('init', path.join(file, 'demo'));
    expect([inside.status, inside.err]).toEqual([
      1,
      expect.stringContaining('a part of its path is no folder'),
    ]);
  });
});

describe('the name', () => {
  test('is the folder’s, as npm takes it', () => {
    expect(['My Project!', '.hidden', '日本', 'a_b-c.d'].map(nameAfter)).toEqual([
      'my-project',
      'hidden',
      'computation',
      'a_b-c.d',
    ]);
    expect(isPackageName('@me/demo')).toBe(true);
  });
  test('can be given, but not one that npm refuses', async () => {
    const folder = path.join(scratch, 'named');
    expect((await bbc('init', folder, '--name', 'Not Good')).status).toBe(2);
    expect(existsSync(folder)).toBe(false);
    const { out } = await bbc('init', folder, '--name', 'good', '--json');
    expect(JSON.parse(out)).toMatchObject({ name: 'good', template: 'hello' });
    expect(packageOf(folder).name).toBe('good');
  });
  test('of an unknown template is wrong usage, with the known ones', async () => {
    const { status, err } = await bbc('init', path.join(scratch, 'x'), '--template', 'react');
    expect([status, err]).toEqual([2, expect.stringContaining('hello, split, cohort')]);
  });
});

test('on a terminal the folder and the template are asked, the latter until the answer is one', async () => {
  const asked: string[] = [];
  const answering =
    (...answers: string[]) =>
    async (question: string) => {
      asked.push(question);
      return answers.shift()!;
    };
  expect(await askFolder(answering('  '))).toBe('demo');
  expect(await askFolder(answering(' mine '))).toBe('mine');
  expect((await askTemplate(answering(''))).name).toBe('hello');
  expect((await askTemplate(answering('7', 'what', 'cohort'))).name).toBe('cohort');
  expect((await askTemplate(answering('2'))).name).toBe('split');
  expect(asked.at(-1)).toContain('2  split');
});

describe('the dependency on this package', () => {
  const install = (name: string, resolved: string | undefined): string => {
    const project = path.join(scratch, 'origin', name);
    const root = path.join(project, 'node_modules/bytesandbrains');
    mkdirSync(root, { recursive: true });
    writeFileSync(path.join(project, 'made.tgz'), '');
    const packages = { 'node_modules/bytesandbrains': { resolved } };
    writeFileSync(path.join(project, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
    return root;
  };

  test('is the tarball that it was installed from, as seen from the new folder', () => {
    const root = install('tarball', 'file:made.tgz');
    expect(dependencyOn(root, '1.2.3', path.join(scratch, 'origin/tarball/demo'))).toBe('file:../made.tgz');
    expect(dependencyOn(root, '1.2.3', path.join(scratch, 'elsewhere/demo'))).toBe(
      'file:../../origin/tarball/made.tgz',
    );
  });
  test('is the version if it came from a registry, or the tarball is gone', () => {
    const folder = path.join(scratch, 'demo');
    expect(dependencyOn(install('registry', 'https://example.org/x.tgz'), '1.2.3', folder)).toBe('^1.2.3');
    expect(dependencyOn(install('gone', 'file:gone.tgz'), '1.2.3', folder)).toBe('^1.2.3');
    expect(dependencyOn(install('unknown', undefined), '1.2.3', folder)).toBe('^1.2.3');
  });
  test('is the checkout that it runs from', () => {
    const folder = path.join(projectRoot, '.cache/demo');
    expect(dependencyOn(projectRoot, '1.2.3', folder)).toBe('file:../..');
  });
});
