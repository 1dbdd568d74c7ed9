// ONNX text to messages, with every problem found.

import {
  type IRecognitionException,
  type IToken,
  MismatchedTokenException,
  NoViableAltException,
} from 'chevrotain';
import { type Diagnostic, diagnostic, type Position } from '../diagnostic.ts';
import { excerptAt, LineIndex } from '../excerpt.ts';
import type { ModelProto, NodeProto } from '../generated/onnx-ml_pb.ts';
import { TextBuilder } from './build.ts';
import { lexer, TextParser } from './grammar.ts';

export interface TextModel {
  /** Absent if there are errors. */
  readonly proto?: ModelProto;
  /** The line and column of each op. */
  readonly positions: ReadonlyMap<NodeProto, Position>;
  readonly diagnostics: readonly Diagnostic[];
}

/** More problems than this are not told: after the first few, one follows from another. */
const MAX_PROBLEMS = 20;
const MAX_DEPTH = 100;

let parser: TextParser | undefined;

/** Reads a model in ONNX's textual syntax; never throws. */
export function readText(text: string, file: string): TextModel {
  const lines = new LineIndex(text);
  const problem = (reason: string, start: number, length: number): Diagnostic =>
    diagnostic(
      'BB108',
      { reason },
      { at: { file, ...lines.at(start) }, excerpt: excerptAt(text, start, length) },
    );
  const { tokens, errors } = lexer.tokenize(text);
  const lexical = errors.map(({ offset, length }) =>
    problem(
      text[offset] === '"' ? 'the string has no end' : `unexpected ${text.slice(offset, offset + length)}`,
      offset,
      length,
    ),
  );
  if (lexical.length > 0) return { positions: new Map(), diagnostics: lexical.slice(0, MAX_PROBLEMS) };
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    const over = { what: 'brackets within one another', limit: MAX_DEPTH };
    const where = {
      at: { file, ...lines.at(deep.startOffset) },
      excerpt: excerptAt(text, deep.startOffset, 1),
    };
    return { positions: new Map(), diagnostics: [diagnostic('BB110', over, where)] };
  }
  parser ??= new TextParser();
  parser.input = tokens;
  const node = parser.model();
  const syntactic = parser.errors.map((error) => {
    const { token } = error;
    const atEnd = Number.isNaN(token.startOffset) || token.image === '';
    const start = atEnd ? text.trimEnd().length : token.startOffset;
    const found = atEnd ? 'the end of the file' : token.image;
    return problem(`${expectation(error)}, found ${found}`, start, atEnd ? 1 : token.image.length);
  });
  parser.input = [];
  if (syntactic.length > 0) return { positions: new Map(), diagnostics: syntactic.slice(0, MAX_PROBLEMS) };
  const builder = new TextBuilder();
  const proto = builder.model(node);
  const positions = new Map(
    [...builder.positions].map(([op, offset]) => [op, { file, ...lines.at(offset) }]),
  );
  const semantic = builder.problems.map(({ message, token }) =>
    problem(message, token.startOffset, token.image.length),
  );
  if (semantic.length > 0) return { positions, diagnostics: semantic.slice(0, MAX_PROBLEMS) };
  return { proto, positions, diagnostics: [] };
}

/** The bracket that nests deeper than the parser's stack should; no model does. */
function tooDeep(tokens: readonly IToken[]): IToken | undefined {
  let depth = 0;
  return tokens.find(({ image }) => {
    if (image === '(' || image === '[' || image === '{') depth++;
    else if (image === ')' || image === ']' || image === '}') depth--;
    return depth > MAX_DEPTH;
  });
}

/** What the grammar wanted, in words. */
function expectation(error: IRecognitionException): string {
  const rule = error.context.ruleStack.at(-1) ?? 'a model';
  if (error instanceof MismatchedTokenException) {
    const wanted = /token of type --> (.*?) <--/.exec(error.message)?.[1];
    if (wanted !== undefined) return `${rule} needs ${wanted} here`;
  }
  if (error instanceof NoViableAltException) return `${rule} cannot go on like this`;
  return `${rule} should be complete before this`;
}
