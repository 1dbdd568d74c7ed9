// bbc import: a model as the TypeScript source of a module that records the same graph.

import { command } from '../frame.ts';

interface Options {
  readonly output: string;
  readonly name?: string;
}

export const importCommand = command<Options>({
  usage: 'import <model>',
  summary: 'write a model as a TypeScript module that records the same graph',
  options: (c) =>
    c
      .requiredOption('-o, --output <file>', 'the .ts file to write')
      .option('--name <name>', "the module's name; by default the model file's")
      .option('--json', 'print one JSON document: { ok, diagnostics }'),
  examples: [
    'bbc import model.onnx -o model.ts',
    'bbc import weights/model.onnx -o src/model.ts',
    'bbc import model.onnxtxt -o model.ts --name classifier',
  ],
  async run(cx, [file], { output, name }) {
    const [{ importFile }, { writeText }] = await Promise.all([
      import('../import/file.ts'),
      import('../write.ts'),
    ]);
    const { text, diagnostics, summary } = await importFile(file!, output, name);
    cx.require(diagnostics);
    writeText(output, text);
    cx.print(`wrote ${output}: ${summary}`);
  },
});
