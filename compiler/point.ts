// Finds a field of an accepted topology again, for diagnostics that come after it was read.

import { excerptAt, positionAt } from '../ir/excerpt.ts';
import type { DiagnosticContext, Topology } from '../ir/index.ts';
import { type JsonNode, parseJson } from './json.ts';

/** Position and caret of the field at the end of `path`, such as ["classes", "phone", "memory"]. */
export function pointAt({ file, text }: Topology, path: readonly string[]): DiagnosticContext {
  // A topology made in memory has no text.
  if (text === '') return { at: { file } };
  let node: JsonNode = parseJson(text);
  let span: { readonly start: number; readonly end: number } = { start: node.start, end: node.start + 1 };
  for (const key of path) {
    const member = node.kind === 'object' ? node.members.find((one) => one.key === key) : undefined;
    if (member === undefined) break;
    node = member.value;
    span = key === path.at(-1) && node.kind !== 'object' ? node : member.keySpan;
  }
  return {
    at: positionAt(file, text, span.start),
    excerpt: excerptAt(text, span.start, span.end - span.start),
  };
}
