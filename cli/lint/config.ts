// Finds a project's bytesandbrains.json: in the folder of the model, or the nearest one above it.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseConfig, type RuleLevels } from '../../compiler/index.ts';
import type { Diagnostic } from '../../ir/index.ts';
import { readProblem } from '../load/files.ts';
import { relativePath } from './paths.ts';
import { rules } from './rules.ts';

export const CONFIG_FILE = 'bytesandbrains.json';

/** Levels for linting `source`; undefined if the file that says them has errors. */
export function readLevels(source: string): {
  levels?: RuleLevels;
  diagnostics: readonly Diagnostic[];
} {
  const found = findUpwards(path.dirname(path.resolve(source)));
  if (found === undefined) return { levels: {}, diagnostics: [] };
  if ('problem' in found) return { diagnostics: [found.problem] };
  const ids = rules.map(({ id }) => id);
  const { config, diagnostics } = parseConfig(found.text, relativePath(found.file), ids);
  return config === undefined ? { diagnostics } : { levels: config.lint.rules, diagnostics };
}

function findUpwards(
  folder: string,
): { readonly file: string; readonly text: string } | { readonly problem: Diagnostic } | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    const file = path.join(at, CONFIG_FILE);
    try {
      return { file, text: readFileSync(file, 'utf8') };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return { problem: readProblem(relativePath(file), error) };
    }
    if (path.dirname(at) === at) return undefined;
  }
}
