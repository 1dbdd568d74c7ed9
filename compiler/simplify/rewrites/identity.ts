// Whoever reads the copy reads the original. Where the copy is an output of the model, the original takes its name.
//
//   a = Relu(x)
//   b = Identity(a)   →   b = Relu(x)
//   return b              return b

import { rewrite } from '../rewrite.ts';

export const identity = rewrite('identity', {
  exact: true,
  ops: ['Identity'],
  apply: (op, bench) => bench.forward(op, [op.inputs[0]!]),
});
