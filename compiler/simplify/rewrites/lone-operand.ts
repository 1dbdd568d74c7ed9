// An operator over any number of values, given one.
//
//   b = Concat<axis = 0>(a)   →   a in place of b

import { rewrite } from '../rewrite.ts';

export const loneOperand = rewrite('lone-operand', {
  exact: true,
  ops: ['Concat', 'Sum', 'Max', 'Min'],
  apply: (op, bench) => op.inputs.length === 1 && bench.forward(op, [op.inputs[0]!]),
});
