// Modules of this command: recorded and compiled in memory.

import { compile } from '../../compiler/index.ts';
import { type Environment, type Module, record } from '../../dsl/index.ts';
import { DiagnosticError, type Topology } from '../../ir/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { deploymentInMemory } from '../run/memory.ts';

const environment: Environment = {
  file: 'bench',
  open(path) {
    throw new Error(`a strategy opens no file, and not ${path}`);
  },
  locate: () => undefined,
};

/** Throws DiagnosticError where these peers cannot run it. */
export function deploymentOf(source: Module, topology: Topology): LoadedDeployment {
  const { model } = record(source, environment);
  const { compilation, diagnostics, ok } = compile(model, { topology });
  if (!ok) throw new DiagnosticError(diagnostics);
  return deploymentInMemory(compilation);
}
