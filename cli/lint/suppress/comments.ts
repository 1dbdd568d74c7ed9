// The comments by which an author accepts what lint would find on a line:
//
//   // bbc-lint-disable-next-line rule-id, other-rule: reason      for the next line that has code
//   …code…   // bbc-lint-disable-line rule-id: reason              for its own line

import { ts } from '@ts-morph/common';
import type { Position } from '../../../ir/index.ts';
import type { Sources } from '../source/sources.ts';

export interface Named {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

export interface Suppression {
  readonly at: Required<Omit<Position, 'offset'>>;
  readonly excerpt: string;
  /** Line that it is about, in the same file. */
  readonly line: number;
  readonly rules: readonly Named[];
  /** "" if the author gives none. */
  readonly reason: string;
  /** The text to take out with the comment: all of its line if it is alone there. Offsets into the file. */
  readonly whole: { readonly start: number; readonly end: number };
}

const comment = /\/\/[ \t]*bbc-lint-disable-(next-line|line)(?![\w-])([^\r\n]*)/g;

/** Every such comment of the author's files, in order. */
export const suppressionsIn = (sources: Sources): readonly Suppression[] =>
  sources.files.flatMap((file) => suppressionsOf(file, sources.nameOf(file)));

function suppressionsOf(file: ts.SourceFile, name: string): readonly Suppression[] {
  const { text } = file;
  const matches = [...text.matchAll(comment)];
  if (matches.length === 0) return [];
  const literals = literalsOf(file);
  return matches
    .filter(({ index }) => !literals.some(({ start, end }) => start <= index && index < end))
    .map((match) =>
      suppressionOf(file, name, match.index, match[0], match[1] as 'next-line' | 'line', match[2]!),
    );
}

function suppressionOf(
  file: ts.SourceFile,
  name: string,
  start: number,
  whole: string,
  kind: 'next-line' | 'line',
  rest: string,
): Suppression {
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  const end = start + whole.length;
  const colon = rest.indexOf(':');
  const list = colon === -1 ? rest : rest.slice(0, colon);
  const listStart = end - rest.length;
  const lines = file.text.split('\n');
  const before = lines[line]!.slice(0, character);
  const alone = before.trim() === '';
  return {
    at: { file: name, line: line + 1, column: character + 1 },
    excerpt: `${lines[line]!.replace(/\r$/, '')}\n${before.replace(/[^\t]/g, ' ')}^`,
    line: 1 + (kind === 'line' ? line : nextCode(lines, line)),
    rules: [...list.matchAll(/[^\s,]+/g)].map((match) => ({
      id: match[0],
      start: listStart + match.index,
      end: listStart + match.index + match[0].length,
    })),
    reason: colon === -1 ? '' : rest.slice(colon + 1).trim(),
    whole: alone
      ? {
          start: start - character,
          end: Math.min(file.text.length, start - character + lines[line]!.length + 1),
        }
      : { start: start - (before.length - before.trimEnd().length), end },
  };
}

/** Index of the next line that is neither empty nor only a comment. */
function nextCode(lines: readonly string[], from: number): number {
  const next = lines.findIndex((line, index) => index > from && !/^\s*(\/\/|$)/.test(line));
  return next === -1 ? from + 1 : next;
}

/** Where text is a string's: what looks like a comment there is none. */
function literalsOf(file: ts.SourceFile): readonly { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isLiteralExpression(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      found.push({ start: node.getStart(file), end: node.end });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
