// differentiate: plain ops in the place of Gradient.
//
//   loss = ReduceMean(y)                    loss = ReduceMean(y)
//   dw = Gradient(w, loss)           →      dy = …   dw = MatMul(Transpose(x), dy)
//
// After it every backend trains, and the cut finds the messages of the way back like all others.

import { replaceGradients } from '../differentiate/replace.ts';
import { pass } from '../pass.ts';

export const differentiate = pass('differentiate', {
  needs: 'typed',
  gives: 'differentiated',
  run: (compilation, cx) => {
    const { model, forwardOf, diagnostics } = replaceGradients(compilation.model);
    for (const problem of diagnostics) cx.report(problem);
    return { ...compilation, model, forwardOf, level: 'differentiated' };
  },
});
