// infer: what is the type of every value?
//
//   y = MatMul(x, w)                     y: float32[N, 10] = MatMul(x: float32[N, 784], w: float32[784, 10])
//   x: float32[N, 784], w: [784, 10]  →
//
// A shape that is not known at compile time stays unknown and travels with the value.

import { inferModel } from '../infer/infer.ts';
import { pass } from '../pass.ts';

export const infer = pass('infer', {
  needs: 'checked',
  gives: 'typed',
  run: (compilation, cx) => {
    const { model, diagnostics } = inferModel(compilation.model);
    for (const problem of diagnostics) cx.report(problem);
    return { ...compilation, model, level: 'typed' };
  },
});
