// The topology that a command is given: on its own, so that a peer that only wants its data does not load the compiler.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseTopology } from '../../compiler/topology.ts';
import { DiagnosticError, type Topology } from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { readProblem } from './files.ts';

/** Reads topology.json; ends the command if it has errors. */
export function readTopology(cx: CommandContext, file: string): Topology {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
  // Named without its folder: what is compiled must not depend on where it was compiled from.
  const { topology, diagnostics } = parseTopology(text, path.basename(file));
  cx.require(diagnostics);
  return topology!;
}
