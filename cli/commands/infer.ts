// bbc infer: the type of every value, as the compiler sees it.

import { command } from '../frame.ts';

export const infer = command<{ readonly check: boolean }>({
  usage: 'infer <model>',
  summary: 'show the inferred type of every value',
  options: (c) =>
    c
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print one JSON document: { tensors: { NAME: { elem_type, dims } } }'),
  examples: ['bbc infer model.onnx', 'bbc infer model.ts --json'],
  async run(cx, [source], { check }) {
    const [{ loadSource }, { answersOf, inferLoaded, typeRows }] = await Promise.all([
      import('../load.ts'),
      import('../infer.ts'),
    ]);
    const { model, diagnostics } = await loadSource(source!, { check });
    cx.require(diagnostics);
    const inferred = inferLoaded(model!);
    cx.report(inferred.diagnostics);
    cx.result(answersOf(inferred.model));
    cx.printTable(['value', 'type', 'made by'], typeRows(inferred.model));
  },
});
