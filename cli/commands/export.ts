// bbc export: a model as one plain .onnx file, or as text. Without options an .onnx comes back message by message.

import type { Model } from '../../ir/index.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { command } from '../frame.ts';

interface Options {
  readonly output: string;
  readonly opset?: string;
  readonly state?: string;
  readonly peer?: string;
  readonly outputs?: string;
  readonly check: boolean;
}

export const exportCommand = command<Options>({
  usage: 'export <source>',
  summary: 'write a model as plain ONNX, binary or as text (.onnxtxt)',
  options: (c) =>
    c
      .requiredOption('-o, --output <file>', 'the .onnx or .onnxtxt file to write')
      .option('--opset <version>', 'convert to this opset of ai.onnx, up or down')
      .option('--state <file>', 'what a checkpoint holds for the state variables: the trained model')
      .option('--peer <name>', 'whose states, where the members of a cohort differ')
      .option('--outputs <names>', 'comma-separated outputs to keep, with what they need')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { ok, diagnostics }'),
  examples: [
    'bbc export model.ts -o model.onnx',
    'bbc export model.onnx -o copy.onnx',
    'bbc export model.onnx -o newer.onnx --opset 21',
    'bbc export model.onnx -o model.onnxtxt',
    'bbc export model.onnxtxt -o model.onnx',
    'bbc export dist --state run.npz --outputs scores -o trained.onnx',
  ],
  async run(cx, [source], options) {
    const { output, opset, check } = options;
    if (opset !== undefined && !/^[1-9]\d{0,2}$/.test(opset))
      throw new UsageError(`--opset wants a version of ai.onnx, such as 21, not ${opset}`);
    const [{ loadSource }, { diagnostic }, { writeModel }, { isFolder, trainedModel }] = await Promise.all([
      import('../load.ts'),
      import('../../ir/index.ts'),
      import('../write-model.ts'),
      import('../trained.ts'),
    ]);
    const plain = isFolder(source!) || options.state !== undefined || options.outputs !== undefined;
    const { model: loaded, diagnostics } = plain
      ? { model: await trainedModel(cx, source!, options), diagnostics: [] }
      : await loadSource(source!, { check });
    cx.require(diagnostics);
    const model = opset === undefined ? loaded : await converted(loaded!, Number(opset), cx);
    const { files, unwritten } = writeModel(model!, source!, output);
    if (unwritten.length > 0) cx.report([diagnostic('BB109', { what: unwritten }, { at: { file: output } })]);
    cx.print(`wrote ${files.join(', ')}`);
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
