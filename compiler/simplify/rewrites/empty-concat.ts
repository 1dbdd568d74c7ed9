// Parts without elements add nothing.
//
//   e: float32[0, 4]
//   b = Concat<axis = 0>(a, e, c)   →   b = Concat<axis = 0>(a, c)

import { attributeInt } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const emptyConcat = rewrite('empty-concat', {
  exact: true,
  ops: ['Concat'],
  apply(op, bench) {
    const axis = attributeInt(op, 'axis', 1);
    const inputs = op.inputs.filter((id) => bench.dims(id)?.at(axis) !== 0);
    if (inputs.length === 0 || inputs.length === op.inputs.length) return false;
    bench.replace(op, { type: 'Concat', inputs, attributes: op.attributes });
    return true;
  },
});
