// What the user named, drawn: a folder is a deployment; a model is drawn as recorded, or as cut for --peers.

import path from 'node:path';
import { compileSource } from '../compile.ts';
import type { CommandContext } from '../context.ts';
import { loadSource } from '../load.ts';
import { cutOf, cutOfFolder, isFolder } from './cut.ts';
import { type Drawing, draw } from './drawing.ts';
import type { PageSettings } from './page-source.ts';
import { partitionedSubject } from './partitioned.ts';
import { recordedSubject } from './recorded.ts';

export async function drawSource(
  cx: CommandContext,
  source: string,
  { peers, check, maxBoxes }: PageSettings,
): Promise<Drawing> {
  if (isFolder(source)) return draw(partitionedSubject(await cutOfFolder(source)), maxBoxes);
  if (peers !== undefined) {
    return draw(partitionedSubject(cutOf(await compileSource(cx, source, { peers, check }))), maxBoxes);
  }
  const { model, diagnostics } = await loadSource(source, { check });
  cx.require(diagnostics);
  return draw(recordedSubject(model!, path.basename(source)), maxBoxes);
}
