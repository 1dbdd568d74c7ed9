// A drawing in Graphviz's language.

import type { Box, Drawing } from './drawing.ts';

/** Fills of clusters, light enough for black text and different also without colour vision. */
const fills = ['#dbeafe', '#fde8c8', '#d9f2dc', '#f3d9ea', '#e6e0f8', '#fdf3b5', '#d4f1f4', '#ececec'];

const fonts = 'Helvetica,Arial,sans-serif';

/** Font sizes are multiplied by `scale`. */
export function dotText(drawing: Drawing, scale = 1): string {
  const size = (points: number): string => `fontsize=${points * scale}`;
  const lines = [
    'digraph {',
    `  graph [label=${quote([drawing.title, drawing.note].filter(Boolean).join('\n'))} labelloc=t fontname="${fonts}" ${size(14)} rankdir=TB nodesep=0.25 ranksep=0.4];`,
    `  node [shape=box style="rounded,filled" fillcolor=white fontname="${fonts}" ${size(10)} margin="0.16,0.05"];`,
    `  edge [fontname="${fonts}" ${size(9)} arrowsize=0.6 color="#555555"];`,
  ];
  const number = new Map(drawing.boxes.map((box, index) => [box.id, `n${index}`]));
  for (const [index, cluster] of drawing.clusters.entries()) {
    const boxes = drawing.boxes.filter((box) => box.cluster === cluster);
    const inner = boxes.map((box) => `${number.get(box.id)} ${boxStyle(box)};`);
    if (cluster === '') lines.push(...inner.map((line) => `  ${line}`));
    else {
      const fill = fills[index % fills.length];
      lines.push(
        `  subgraph cluster_${index} {`,
        `    label=${quote(cluster)}; style="rounded,filled"; color="#888888"; fillcolor="${fill}";`,
        ...inner.map((line) => `    ${line}`),
        '  }',
      );
    }
  }
  for (const { from, to, label, crosses } of drawing.arrows) {
    const style = crosses ? ` [label=${quote(label)} penwidth=2 color="#b03a2e" minlen=3]` : '';
    lines.push(`  ${number.get(from)} -> ${number.get(to)}${style};`);
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function boxStyle({ kind, label, detail }: Box): string {
  const text = detail === '' ? label : `${label}\n${detail}`;
  switch (kind) {
    case 'op':
      return `[label=${quote(label)} tooltip=${quote(detail === '' ? label : detail)}]`;
    case 'group':
      return `[label=${quote(text)} shape=box3d style=filled]`;
    default:
      return `[label=${quote(text)} shape=ellipse style=filled fillcolor="#f4f4f4"]`;
  }
}

const quote = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
