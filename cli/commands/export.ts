// bbc export: a model as one plain .onnx file, or as text. Without options an .onnx comes back message by message.

import path from 'node:path';
import type { Model } from '../../ir/index.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly output: string;
  readonly opset?: string;
  readonly check: boolean;
}

export const exportCommand = command<Options>({
  usage: 'export <source>',
  summary: 'write a model as plain ONNX, binary or as text (.onnxtxt)',
  options: (c) =>
    c
      .requiredOption('-o, --output <file>', 'the .onnx or .onnxtxt file to write')
      .option('--opset <version>', 'convert to this opset of ai.onnx, up or down')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { ok, diagnostics }'),
  examples: [
    'bbc export model.ts -o model.onnx',
    'bbc export model.onnx -o copy.onnx',
    'bbc export model.onnx -o newer.onnx --opset 21',
    'bbc export model.onnx -o model.onnxtxt',
    'bbc export model.onnxtxt -o model.onnx',
  ],
  async run(cx, [source], { output, opset, check }) {
    if (opset !== undefined && !/^[1-9]\d{0,2}$/.test(opset))
      throw new UsageError(`--opset wants a version of ai.onnx, such as 21, not ${opset}`);
    const [
      { loadSource },
      { diagnostic, exportModel, isExternal },
      { writePieces, writeText },
      { copyFileSync, existsSync },
    ] = await Promise.all([
      import('../load.ts'),
      import('../../ir/index.ts'),
      import('../write.ts'),
      import('node:fs'),
    ]);
    const { model: loaded, diagnostics } = await loadSource(source!, { check });
    cx.require(diagnostics);
    const model = opset === undefined ? loaded : await converted(loaded!, Number(opset), cx);
    const from = path.dirname(path.resolve(source!));
    const to = path.dirname(path.resolve(output));
    if (output.endsWith('.onnxtxt')) {
      const { exportText } = await import('../../ir/text/index.ts');
      const { text, unwritten } = exportText(model!);
      writeText(output, text);
      if (unwritten.length > 0)
        cx.report([diagnostic('BB109', { what: unwritten }, { at: { file: output } })]);
    } else writePieces(output, exportModel(model!).pieces);
    // External weights stay external: their files have to be beside the new model too.
    const files = new Set<string>();
    for (const { weight } of model!.allValues()) {
      if (weight?.range !== undefined && isExternal(weight)) files.add(weight.range.source.name);
    }
    for (const file of to === from ? [] : files) {
      if (existsSync(path.join(from, file))) copyFileSync(path.join(from, file), path.join(to, file));
    }
    cx.print(`wrote ${[output, ...files].join(', ')}`);
  },
});

/** The model in another opset; ends the command if an op has no form there. */
async function converted(model: Model, opset: number, cx: CommandContext): Promise<Model> {
  const [{ convertModel }, { inferModel }] = await Promise.all([
    import('../../ir/versions/index.ts'),
    import('../../compiler/infer/infer.ts'),
  ]);
  const { model: result, diagnostics } = convertModel(model, opset, {
    infer: (one) => inferModel(one).model,
  });
  cx.require(diagnostics);
  return result!;
}
