// A drawing in the format of the file that shall hold it.

import { dotText } from './dot.ts';
import type { Drawing } from './drawing.ts';

export async function render(drawing: Drawing, format: string): Promise<string> {
  if (format === '.json') return `${JSON.stringify(drawing, null, 2)}\n`;
  const dot = dotText(drawing);
  if (format === '.dot') return dot;
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz');
  return (await Graphviz.load()).dot(dot);
}
