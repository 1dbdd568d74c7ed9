// Chooses how to look at what the user named: a folder, or its plan or manifest, is a deployment or a bundle;
// anything else a model.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import type { CommandContext } from '../context.ts';
import { inspectBundle, inspectPlan } from './folder.ts';
import { inspectModel } from './model.ts';

export async function inspectSource(cx: CommandContext, source: string, top: number): Promise<void> {
  const name = path.basename(source);
  const folder = name === 'plan.json' || name === 'manifest.json' ? path.dirname(source) : source;
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  if (!isFolder) await inspectModel(cx, source, top);
  else if (existsSync(path.join(folder, 'plan.json'))) await inspectPlan(cx, folder);
  else if (existsSync(path.join(folder, 'manifest.json'))) await inspectBundle(cx, folder);
  else throw new DiagnosticError(diagnostic('BB881', { file: folder }, { at: { file: folder } }));
}
