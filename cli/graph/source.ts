// What the user named, drawn: a folder is a deployment, anything else a model.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { loadSource } from '../load.ts';
import { type Drawing, draw } from './drawing.ts';
import { partitionedSubject } from './partitioned.ts';
import { recordedSubject } from './recorded.ts';

export async function drawSource(
  cx: CommandContext,
  source: string,
  maxOps: number,
  check: boolean,
): Promise<Drawing> {
  if (existsSync(source) && statSync(source).isDirectory()) {
    if (existsSync(path.join(source, 'plan.json'))) return draw(await partitionedSubject(source), maxOps);
    throw new DiagnosticError(diagnostic('BB881', { file: source }, { at: { file: source } }));
  }
  const { model, diagnostics } = await loadSource(source, { check });
  cx.require(diagnostics);
  return draw(recordedSubject(model!, path.basename(source)), maxOps);
}
