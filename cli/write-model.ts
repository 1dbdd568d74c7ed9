// A model as a file, binary or text, with the files of its weights beside it.

import { copyFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { exportModel, isExternal, type Model } from '../ir/index.ts';
import { exportText } from '../ir/text/index.ts';
import { writePieces, writeText } from './write.ts';

/** Writes to `output`; `source` is where the model came from. Throws DiagnosticError BB882 if that cannot be done. */
export function writeModel(
  model: Model,
  source: string,
  output: string,
): {
  readonly files: readonly string[];
  /** What the text leaves out, in words. */
  readonly unwritten: readonly string[];
} {
  let unwritten: readonly string[] = [];
  if (output.endsWith('.onnxtxt')) {
    const written = exportText(model);
    writeText(output, written.text);
    ({ unwritten } = written);
  } else writePieces(output, exportModel(model).pieces);
  // External weights stay external: their files have to be beside the new model too.
  const [from, to] = [source, output].map((file) => path.dirname(path.resolve(file))) as [string, string];
  const files = new Set<string>();
  for (const { weight } of model.allValues())
    if (weight?.range !== undefined && isExternal(weight)) files.add(weight.range.source.name);
  for (const file of to === from ? [] : files)
    if (existsSync(path.join(from, file))) copyFileSync(path.join(from, file), path.join(to, file));
  return { files: [output, ...files], unwritten };
}
