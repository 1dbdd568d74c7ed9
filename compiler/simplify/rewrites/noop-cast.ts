// A cast to the type that the value has.
//
//   a: float32 = …
//   b = Cast<to = FLOAT>(a)   →   a in place of b

import { rewrite } from '../rewrite.ts';

export const noopCast = rewrite('noop-cast', {
  exact: true,
  ops: ['Cast', 'CastLike'],
  apply(op, bench) {
    const [from, to] = [bench.dtype(op.inputs[0]), bench.dtype(op.outputs[0])];
    return from !== undefined && from === to && bench.forward(op, [op.inputs[0]!]);
  },
});
