// bbc graph: a picture of the recorded or the partitioned graph.

import { statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly output?: string;
  readonly peers?: string;
  readonly maxOps: string;
  readonly check: boolean;
}

const isFolder = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
const formats = ['.svg', '.html', '.dot', '.json'];

export const graph = command<Options>({
  usage: 'graph <source>',
  summary: 'draw a model, or a deployment with its peers and edges',
  options: (c) =>
    c
      .option('-o, --output <file>', `the picture: ${formats.join(', ')}; without it, DOT on stdout`)
      .option('-p, --peers <topology.json>', 'also cut the model for these peers')
      .option('--max-ops <n>', 'more ops than this are drawn in groups', '150')
      .option('--no-check', 'do not type-check a model.ts'),
  examples: [
    'bbc graph model.onnx -o model.html',
    'bbc graph model.onnx --peers topology.json -o cut.html',
    'bbc graph dist -o deployment.svg',
    'bbc graph model.ts | less',
  ],
  async run(cx, [source], { output, peers, maxOps, check }) {
    const format = output === undefined ? '.dot' : path.extname(output);
    if (!formats.includes(format)) {
      throw new UsageError(`cannot draw ${output}: the file must end in ${formats.join(', ')}`);
    }
    const limit = Number(maxOps);
    if (!Number.isInteger(limit) || limit < 2) throw new UsageError('--max-ops takes a number from 2');
    if (peers !== undefined && isFolder(source!)) {
      throw new UsageError(`${source} is compiled already: --peers goes with a model`);
    }
    const settings = { maxBoxes: limit, check, ...(peers === undefined ? {} : { peers }) };
    const { writeText } = await import('../write.ts');
    if (format === '.html') {
      const [{ pageSource }, { renderPage }] = await Promise.all([
        import('../graph/page-source.ts'),
        import('../graph/page.ts'),
      ]);
      writeText(output!, await renderPage(await pageSource(cx, source!, settings)));
      cx.print(`wrote ${output}`);
      return;
    }
    const [{ drawSource }, { render }] = await Promise.all([
      import('../graph/source.ts'),
      import('../graph/render.ts'),
    ]);
    const drawing = await drawSource(cx, source!, settings);
    const text = await render(drawing, format);
    if (output === undefined) {
      cx.print(text);
      return;
    }
    writeText(output, text);
    cx.print(`wrote ${output}${drawing.note === '' ? '' : `: ${drawing.note}; --max-ops shows more`}`);
  },
});
