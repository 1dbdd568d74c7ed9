// bbc trainstep: a whole training step as plain ONNX, and the values with which a training begins.

import { command } from '../frame.ts';

interface Options {
  readonly loss: string;
  readonly params: string;
  readonly optimizer: string;
  readonly output: string;
  readonly initial?: string;
  readonly short: boolean;
  readonly check: boolean;
}

export const trainstep = command<Options>({
  usage: 'trainstep <source>',
  summary: 'write a whole training step, as plain ONNX',
  options: (c) =>
    c
      .requiredOption('--loss <output>', 'the output that is to become smaller: a scalar')
      .option('--params <names>', "'all' weights, or globs over their names, with commas between", 'all')
      .option(
        '--optimizer <name:setting=value,...>',
        'sgd, momentum, nesterov, adam, adamw, adagrad, rmsprop, lion, onnx_momentum, onnx_adam or onnx_adagrad',
        'adam:lr=1e-3',
      )
      .requiredOption('-o, --output <file>', 'the .onnx or .onnxtxt file to write')
      .option('--initial <file>', 'where what a training begins with goes (default: OUTPUT.initial.onnx)')
      .option('--short', 'the fewest ops, also where more would be faster on a processor')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { loss, parameters, next, ops }'),
  examples: [
    'bbc trainstep model.onnx --loss loss -o step.onnx',
    "bbc trainstep model.onnx --loss loss --params 'head.*' --optimizer adamw:lr=1e-4 -o step.onnx",
    'bbc trainstep model.ts --loss loss --optimizer momentum:lr=0.1,momentum=0.9 -o step.onnx',
  ],
  async run(cx, [source], { loss, params, optimizer, output, initial: init, short = false, check }) {
    const [
      { loadSource },
      { parseOptimizer },
      { trainingStep },
      { checkLoaded },
      { writeModel },
      { cpuEvaluator },
    ] = await Promise.all([
      import('../load.ts'),
      import('../trainstep/optimizer.ts'),
      import('../trainstep/step.ts'),
      import('../simplify.ts'),
      import('../write-model.ts'),
      import('../../stdlib/backends/cpu/index.ts'),
    ]);
    const chosen = parseOptimizer(optimizer);
    const loaded = await loadSource(source!, { check });
    cx.require(loaded.diagnostics);
    const { model, diagnostics } = checkLoaded(loaded.model!);
    cx.require(diagnostics);
    cx.progress('differentiating');
    const globs = params.split(',').filter((one) => one !== '');
    const step = trainingStep(model, {
      loss,
      ...(params !== 'all' && { params: globs }),
      ...chosen,
      ...(short && { forms: 'short' as const }),
      evaluate: cpuEvaluator(),
    });
    cx.require(step.diagnostics);
    const written = step.model!;
    const initial = init ?? output.replace(/(\.onnx(txt)?)?$/, (ending) => `.initial${ending || '.onnx'}`);
    writeModel(written, source!, output);
    writeModel(step.initial!, source!, initial);
    const ops = { forward: model.mainGraph.ops.length, step: written.mainGraph.ops.length };
    const { next, parameters } = step;
    cx.result({ loss, parameters, next, ops });
    cx.printTable(
      ['input', 'next value'],
      Object.entries(next).map(([name, own]) => [name, own]),
    );
    cx.print(`${ops.forward} ops, the whole step ${ops.step}`);
    cx.print(`wrote ${output} and ${initial}`);
  },
});
