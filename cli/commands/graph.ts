// bbc graph: a picture of the recorded or the partitioned graph.

import path from 'node:path';
import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly output?: string;
  readonly maxOps: string;
  readonly check: boolean;
}

const formats = ['.svg', '.html', '.dot', '.json'];

export const graph = command<Options>({
  usage: 'graph <source>',
  summary: 'draw a model, or a deployment with its peers and edges',
  options: (c) =>
    c
      .option('-o, --output <file>', `the picture: ${formats.join(', ')}; without it, DOT on stdout`)
      .option('--max-ops <n>', 'more ops than this are drawn in groups', '150')
      .option('--no-check', 'do not type-check a model.ts'),
  examples: [
    'bbc graph model.onnx -o model.svg',
    'bbc graph dist -o deployment.svg',
    'bbc graph model.ts | less',
  ],
  async run(cx, [source], { output, maxOps, check }) {
    const format = output === undefined ? '.dot' : path.extname(output);
    if (!formats.includes(format)) {
      throw new UsageError(`cannot draw ${output}: the file must end in ${formats.join(', ')}`);
    }
    const limit = Number(maxOps);
    if (!Number.isInteger(limit) || limit < 2) throw new UsageError('--max-ops takes a number from 2');
    const [{ drawSource }, { render }, { writeText }] = await Promise.all([
      import('../graph/source.ts'),
      import('../graph/render.ts'),
      import('../write.ts'),
    ]);
    const drawing = await drawSource(cx, source!, limit, check);
    const text = await render(drawing, format);
    if (output === undefined) {
      cx.print(text);
      return;
    }
    writeText(output, text);
    cx.print(`wrote ${output}${drawing.note === '' ? '' : `: ${drawing.note}; --max-ops shows more`}`);
  },
});
