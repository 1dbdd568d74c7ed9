// A module's file and what it imports, parsed and bound once for all rules.

import path from 'node:path';
import type { ts } from '@ts-morph/common';
import type { Problem } from '../../../compiler/index.ts';
import type { Position } from '../../../ir/index.ts';
import { excerpt } from '../../load/bundle.ts';
import { authoredFiles } from '../../load/sources.ts';

export interface Sources {
  readonly entry: ts.SourceFile;
  /** The author's files. */
  readonly files: readonly ts.SourceFile[];
  readonly checker: ts.TypeChecker;
  /** A file's name in positions: relative to the module's folder. */
  nameOf(file: ts.SourceFile): string;
  /** Where a node begins. */
  position(node: ts.Node): Position;
  /** The position with the line and a caret. */
  point(node: ts.Node): Pick<Problem, 'at' | 'excerpt'>;
}

/** The sources of a program; `file` is the module's. */
export function sourcesOf(program: ts.Program, file: string): Sources {
  const folder = path.dirname(file);
  const nameOf = (source: ts.SourceFile): string =>
    path.relative(folder, source.fileName).split(path.sep).join('/');
  const position = (node: ts.Node) => {
    const source = node.getSourceFile();
    const { line, character } = source.getLineAndCharacterOfPosition(node.getStart());
    return { file: nameOf(source), line: line + 1, column: character + 1 };
  };
  return {
    entry: program.getSourceFile(file)!,
    files: authoredFiles(program),
    checker: program.getTypeChecker(),
    nameOf,
    position,
    point: (node) => {
      const at = position(node);
      const text = node.getSourceFile().text.split(/\r?\n/)[at.line - 1] ?? '';
      return { at, excerpt: excerpt(text, at.column) };
    },
  };
}
