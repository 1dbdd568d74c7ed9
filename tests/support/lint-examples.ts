// Lints what a rule's example says: the author's source as a file, its topology, and what is done to the plan.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadSource } from '../../cli/load.ts';
import { type Example, type Finding, lint, parseTopology } from '../../compiler/index.ts';
import { DiagnosticError, type Model, type Topology } from '../../ir/index.ts';

/** Records an author's source as the command line does. */
export async function recordText(source: string): Promise<Model> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lint-'));
  try {
    const file = path.join(folder, 'model.ts');
    writeFileSync(file, source.trimStart());
    const { model, diagnostics } = await loadSource(file, { check: false });
    if (model === undefined) throw new DiagnosticError(diagnostics);
    return model;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function topologyFrom(text: string): Topology {
  const { topology, diagnostics } = parseTopology(text, 'topology.json');
  if (topology === undefined) throw new DiagnosticError(diagnostics);
  return topology;
}

export async function lintExample(example: Example): Promise<readonly Finding[]> {
  const model = await recordText(example.model);
  const topology = example.topology === undefined ? undefined : topologyFrom(example.topology);
  return lint(model, { topology, tamper: example.tampered?.change });
}
