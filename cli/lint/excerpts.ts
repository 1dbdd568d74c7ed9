// The author's lines: a caret under what a finding is about.

import { readFileSync } from 'node:fs';
import type { Finding } from '../../compiler/index.ts';
import { excerpt } from '../load/bundle.ts';

/** Gives findings that only have a position the line there, with a caret. */
export function withExcerpts(findings: readonly Finding[]): readonly Finding[] {
  const files = new Map<string, readonly string[]>();
  const linesOf = (file: string): readonly string[] => {
    const known = files.get(file);
    if (known !== undefined) return known;
    const lines = readLines(file);
    files.set(file, lines);
    return lines;
  };
  return findings.map((one) => {
    if (one.excerpt !== undefined || one.at?.line === undefined) return one;
    const line = linesOf(one.at.file)[one.at.line - 1];
    return line === undefined ? one : { ...one, excerpt: excerpt(line, one.at.column ?? 1) };
  });
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return []; // The position is still right, only the line is not at hand.
  }
}
