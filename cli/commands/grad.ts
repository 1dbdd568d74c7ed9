// bbc grad: a model that computes gradients too.

import { command } from '../frame.ts';

interface Options {
  readonly wrt: string;
  readonly outputs?: string;
  readonly output: string;
  readonly short: boolean;
  readonly simplify: boolean;
  readonly check: boolean;
}

const listOf = (text: string): readonly string[] => text.split(',').filter((one) => one !== '');

export const grad = command<Options>({
  usage: 'grad <source>',
  summary: 'write a model that computes gradients too, as plain ONNX',
  options: (c) =>
    c
      .requiredOption(
        '--wrt <names>',
        'inputs or initializers to differentiate with respect to, with commas between',
      )
      .option('--outputs <names>', 'outputs to differentiate (default: all of floating-point numbers)')
      .requiredOption('-o, --output <file>', 'the .onnx or .onnxtxt file to write')
      .option('--short', 'the fewest ops, also where more would be faster on a processor')
      .option('--no-simplify', 'leave the ops as the rules wrote them')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { inputs, outputs, ops }'),
  examples: [
    'bbc grad model.onnx --wrt x -o grad.onnx',
    'bbc grad model.onnx --wrt conv1.weight,conv1.bias --outputs loss -o grad.onnx',
  ],
  async run(cx, [source], { wrt, outputs, output, short = false, simplify, check }) {
    const [{ loadSource }, { gradModel, simplifyModel }, { checkLoaded }, { writeModel }, { cpuEvaluator }] =
      await Promise.all([
        import('../load.ts'),
        import('../../compiler/index.ts'),
        import('../simplify.ts'),
        import('../write-model.ts'),
        import('../../stdlib/backends/cpu/index.ts'),
      ]);
    const loaded = await loadSource(source!, { check });
    cx.require(loaded.diagnostics);
    const { model, diagnostics } = checkLoaded(loaded.model!);
    cx.require(diagnostics);
    cx.progress('differentiating');
    const found = gradModel(model, {
      wrt: listOf(wrt),
      ...(outputs !== undefined && { outputs: listOf(outputs) }),
      ...(short && { forms: 'short' as const }),
    });
    cx.require(found.diagnostics);
    const raw = found.model!;
    cx.progress('simplifying');
    const written = simplify ? simplifyModel(raw, { evaluate: cpuEvaluator() }).model : raw;
    const names = (ids: typeof written.mainGraph.inputs): readonly string[] =>
      ids.map((id) => written.value(id).name);
    const { inputs, outputs: made, ops } = written.mainGraph;
    const before = model.mainGraph;
    const added = {
      inputs: names(inputs.slice(before.inputs.length)),
      outputs: names(made.slice(before.outputs.length)),
      ops: { forward: before.ops.length, both: ops.length },
    };
    writeModel(written, source!, output);
    cx.result(added);
    cx.printTable(
      ['', 'name', 'of'],
      [
        ...added.inputs.map((name) => ['input', name, name.replace(/^grad_of_/, '')]),
        ...added.outputs.map((name) => ['output', name, name.replace(/^grad_of_/, '')]),
      ],
    );
    cx.print(`${added.ops.forward} ops, with the gradient ${added.ops.both}`);
    cx.print(`wrote ${output}`);
  },
});
