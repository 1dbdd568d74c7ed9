// A drawing in the format of the file that shall hold it.

import { dotText } from './dot.ts';
import type { Drawing } from './drawing.ts';

/**
 * This Graphviz measures Helvetica, and viewers may have a wider font: text is laid out larger by this and then
 * written in its own size, so that it stays in its box. DejaVu Sans, the widest of the common ones, takes 1.18.
 */
const WIDER = 1.2;

export async function render(drawing: Drawing, format: string): Promise<string> {
  if (format === '.json') return `${JSON.stringify(drawing, null, 2)}\n`;
  const dot = dotText(drawing);
  if (format === '.dot') return dot;
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz');
  const svg = (await Graphviz.load()).dot(dotText(drawing, WIDER));
  return svg.replace(
    / font-size="([\d.]+)"/g,
    (_, size: string) => ` font-size="${(Number(size) / WIDER).toFixed(2)}"`,
  );
}
