// A drawing in the format of the file that shall hold it.

import { dotText } from './dot.ts';
import type { Drawing } from './drawing.ts';

export async function render(drawing: Drawing, format: string): Promise<string> {
  if (format === '.json') return `${JSON.stringify(drawing, null, 2)}\n`;
  const dot = dotText(drawing);
  if (format === '.dot') return dot;
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz');
  const svg = (await Graphviz.load()).dot(dot);
  if (format === '.svg') return svg;
  const picture = svg.slice(svg.indexOf('<svg'));
  return `<!doctype html>\n<meta charset="utf-8">\n<title>${escapeHtml(drawing.title)}</title>\n<body style="margin:1em">\n${picture}</body>\n`;
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
