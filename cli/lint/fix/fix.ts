// `bbc lint --fix`: edits the author's files and lints again, until there is nothing more to mend.

import { readFileSync, realpathSync } from 'node:fs';
import type { Finding } from '../../../compiler/index.ts';
import { DiagnosticError } from '../../../ir/index.ts';
import { readProblem } from '../../load/files.ts';
import { writeText } from '../../write.ts';
import { type LintRequest, lintSource } from '../lint.ts';
import { applyEdits, diffOf, editsOf } from './edits.ts';

/** A fix that calls for another is followed so often. */
const MAX_ROUNDS = 10;

export interface Fixed {
  /** What is left to say. */
  readonly findings: readonly Finding[];
  /** How many edits were made, by file. */
  readonly edits: ReadonlyMap<string, number>;
}

/** Mends what can be mended. Each file is written whole or not at all. Throws BB88x for files it cannot write. */
export async function fixSource(request: LintRequest): Promise<Fixed> {
  const counts = new Map<string, number>();
  let findings = await lintSource(request);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const edits = editsOf(findings);
    if (edits.size === 0) break;
    // All files are read before the first is written.
    const texts = new Map([...edits.keys()].map((file) => [file, readText(file)]));
    for (const [file, own] of edits) {
      const { mark, text } = texts.get(file)!;
      writeText(realpathSync(file), mark + applyEdits(text, own));
      counts.set(file, (counts.get(file) ?? 0) + own.length);
    }
    findings = await lintSource(request);
  }
  return { findings, edits: counts };
}

/** What the first round of `fixSource` would change, as a unified diff. */
export const diffOfFixes = (findings: readonly Finding[]): string =>
  [...editsOf(findings)].map(([file, edits]) => diffOf(file, readText(file).text, edits)).join('');

/** A file's text, and apart from it the byte order mark that TypeScript does not count. */
function readText(file: string): { mark: string; text: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  return { mark, text: text.slice(mark.length) };
}
