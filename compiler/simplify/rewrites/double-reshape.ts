// Only the last of several reshapes decides.
//
//   b = Reshape(a, {2, -1})
//   c = Reshape(b, {-1})      →   c = Reshape(a, {-1})

import { NO_VALUE } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const doubleReshape = rewrite('double-reshape', {
  exact: true,
  ops: ['Reshape'],
  apply(op, bench) {
    const inner = bench.makerOf(op.inputs[0], 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze');
    const target = op.inputs[1] ?? NO_VALUE;
    if (inner === undefined || target === NO_VALUE || bench.useCount(op.inputs[0]!) > 1) return false;
    // A zero takes the size from the shape in between.
    if (!(bench.numbers(target)?.every((size) => size !== 0) ?? false)) return false;
    bench.replace(op, { type: 'Reshape', inputs: [inner.inputs[0]!, target], attributes: op.attributes });
    return true;
  },
});
