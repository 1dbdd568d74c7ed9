// Chooses how to look at what the user named: a folder is a deployment or a bundle, anything else a model.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { inspectBundle, inspectPlan } from './folder.ts';
import { inspectModel } from './model.ts';

export async function inspectSource(cx: CommandContext, source: string): Promise<void> {
  const isFolder = existsSync(source) && statSync(source).isDirectory();
  if (!isFolder) await inspectModel(cx, source);
  else if (existsSync(path.join(source, 'plan.json'))) await inspectPlan(cx, source);
  else if (existsSync(path.join(source, 'manifest.json'))) await inspectBundle(cx, source);
  else throw new DiagnosticError(diagnostic('BB881', { file: source }, { at: { file: source } }));
}
