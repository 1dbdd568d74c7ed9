// At inference nothing is dropped.
//
//   b = Dropout(a, 0.5)   →   a in place of b

import { attributeInt, type Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

export const noopDropout = rewrite('noop-dropout', {
  exact: true,
  ops: ['Dropout'],
  apply(op, bench) {
    const [, mask] = op.outputs;
    if ((mask && bench.useCount(mask) > 0) || trains(op, bench)) return false;
    return bench.forward(op, [op.inputs[0]!]);
  },
});

function trains(op: Op, bench: Workbench): boolean {
  const opset = bench.opset(op);
  if (opset < 7) return attributeInt(op, 'is_test', 0) === 0;
  return opset >= 12 && Boolean(op.inputs[2]) && bench.numbers(op.inputs[2])?.[0] !== 0;
}
