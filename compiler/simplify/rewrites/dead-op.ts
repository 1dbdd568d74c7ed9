// Nothing reads what the op makes, and it does nothing else.
//
//   a = Relu(x)        b = Tanh(x)
//   b = Tanh(x)   →    return b
//   return b

import { rewrite } from '../rewrite.ts';

export const deadOp = rewrite('dead-op', {
  exact: true,
  apply(op, bench) {
    if (op.outputs.some((id) => id > 0 && bench.useCount(id) > 0) || bench.hasEffects(op)) return false;
    bench.remove(op);
    return true;
  },
});
