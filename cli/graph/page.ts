// A graph page: one HTML file with its style, its script, the layout's worker and the data in it. It needs no
// network, and its content security policy would not let it have any.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PageData } from './page/data.ts';
import { pageMarkup } from './page-markup.ts';

/** Sources in the project, scripts in dist: bundled from where this file is. */
const here = import.meta.dirname;
const extension = path.extname(import.meta.filename);

export async function renderPage(data: PageData): Promise<string> {
  const [script, worker] = await Promise.all([bundled('main'), bundled('layout/worker')]);
  const style = readFileSync(path.join(here, 'page', 'style.css'), 'utf8');
  return pageMarkup({ title: data.title, style, script, worker, data: embeddedJson(data), hash });
}

/** One script of a page. The same sources give the same text. */
async function bundled(entry: string): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    // That of the process may be gone since esbuild was first asked.
    absWorkingDir: here,
    entryPoints: [path.join(here, 'page', `${entry}${extension}`)],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

/** JSON that cannot end the element it stands in, whatever names the model has. */
export const embeddedJson = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');

/** How a policy names a script or style that it lets in. */
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
