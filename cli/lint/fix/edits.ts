// Edits of texts: which of them can be made together, what comes out, and how that differs.

import type { Finding, TextEdit } from '../../../compiler/index.ts';

/** The edits of findings by file, in order: of those that touch each other only the first, each fix whole or not at all. */
export function editsOf(findings: readonly Finding[]): ReadonlyMap<string, readonly TextEdit[]> {
  const chosen = new Map<string, TextEdit[]>();
  for (const { fix = [], suppressed } of findings) {
    if (suppressed !== undefined) continue;
    const free = fix.every((edit) =>
      (chosen.get(edit.file) ?? []).every((other) => edit.end < other.start || other.end < edit.start),
    );
    if (!free) continue;
    for (const edit of fix) chosen.set(edit.file, [...(chosen.get(edit.file) ?? []), edit]);
  }
  for (const edits of chosen.values()) edits.sort((a, b) => a.start - b.start);
  return chosen;
}

/** The text with edits made that are in order and apart from each other. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let done = 0;
  for (const { start, end, text: inserted } of edits) {
    result += text.slice(done, start) + inserted;
    done = end;
  }
  return result + text.slice(done);
}

const CONTEXT = 3;

/** A unified diff of what edits make of a text. */
export function diffOf(file: string, text: string, edits: readonly TextEdit[]): string {
  const lines = text.split('\n');
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const lineOf = (offset: number): number => starts.findLastIndex((start) => start <= offset);
  // Edits that share lines, or whose context would, are one hunk.
  const hunks: { from: number; to: number; edits: TextEdit[] }[] = [];
  for (const edit of edits) {
    const from = lineOf(edit.start);
    const to = Math.min(lineOf(edit.end), lines.length - 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to + 2 * CONTEXT) {
      last.to = to;
      last.edits.push(edit);
    } else hunks.push({ from, to, edits: [edit] });
  }
  let shift = 0;
  const out = [`--- ${file}`, `+++ ${file}`];
  for (const { from, to, edits: own } of hunks) {
    const [first, last] = [Math.max(0, from - CONTEXT), Math.min(lines.length - 1, to + CONTEXT)];
    const before = lines.slice(from, to + 1);
    const base = starts[from]!;
    const moved = own.map((edit) => ({ ...edit, start: edit.start - base, end: edit.end - base }));
    const after = applyEdits(before.join('\n'), moved).split('\n');
    const size = last - first + 1;
    const grown = size + after.length - before.length;
    out.push(`@@ -${first + 1},${size} +${first + 1 + shift},${grown} @@`);
    out.push(...lines.slice(first, from).map((line) => ` ${line}`));
    out.push(...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`));
    out.push(...lines.slice(to + 1, last + 1).map((line) => ` ${line}`));
    shift += after.length - before.length;
  }
  return `${out.join('\n')}\n`;
}
