// Once is as good as twice.
//
//   b = Relu(a)
//   c = Relu(b)   →   b in place of c

import type { Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const idempotent = rewrite('idempotent', {
  exact: true,
  ops: ['Relu', 'Abs', 'Ceil', 'Floor', 'Round', 'Sign', 'Clip'],
  apply(op, bench) {
    const inner = bench.makerOf(op.inputs[0], op.type);
    if (inner === undefined || JSON.stringify(limitsOf(op)) !== JSON.stringify(limitsOf(inner))) return false;
    return bench.forward(op, [op.inputs[0]!]);
  },
});

/** Bounds are attributes in old versions and inputs in new ones. */
const limitsOf = (op: Op) => [
  op.attributes.map(({ name, value }) => [name, String(value)]),
  op.inputs.slice(1),
];
