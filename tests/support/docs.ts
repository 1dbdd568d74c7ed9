// The pages in docs/ that show commands, each run in a folder where the package is installed.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Execute, withBuiltBbc } from './built-bbc.ts';
import { type PageRun, runPage } from './pages.ts';
import { projectRoot } from './root.ts';

export const docsFolder = path.join(projectRoot, 'docs');

/** Pages with sessions, relative to docs/. */
export const pages = (): string[] =>
  (readdirSync(docsFolder, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.md') && file !== 'diagnostics.md')
    .filter((file) => readFileSync(path.join(docsFolder, file), 'utf8').includes('\n```console\n'))
    .sort();

/** The checkout as an installed package. What a page installs is linked to what is here already. */
function linked(folder: string): Execute {
  const modules = path.join(folder, 'node_modules');
  const bin = path.join(modules, '.bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(path.join(projectRoot, 'dist/cli/main.js'), path.join(bin, 'bbc'));
  symlinkSync(projectRoot, path.join(modules, 'bytesandbrains'));
  symlinkSync(path.join(projectRoot, 'node_modules/@gutenye'), path.join(modules, '@gutenye'));
  const run = withBuiltBbc({ PATH: `${bin}:${process.env.PATH}` });
  return async (line, cwd) => {
    if (!line.startsWith('npm install ')) return run(line.replace(/^npx bytesandbrains /, 'bbc '), cwd);
    const here = path.join(cwd, 'node_modules');
    if (!existsSync(here)) symlinkSync(modules, here);
    return '';
  };
}

export type DocsRun = PageRun & { readonly shown: string };

/** Runs a page in a new folder; by default with the build of this checkout, in this process. */
export async function runDocsPage(
  file: string,
  install: (folder: string) => Execute = linked,
): Promise<DocsRun> {
  const shown = readFileSync(path.join(docsFolder, file), 'utf8');
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'docs-')));
  try {
    return { shown, ...(await runPage(shown, folder, install(folder))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
