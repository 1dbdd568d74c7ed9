// No axis is padded, at neither end.
//
//   b = Pad(a, {0, 0, 0, 0})   →   a in place of b

import { attributeInts } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const noopPad = rewrite('noop-pad', {
  exact: true,
  ops: ['Pad'],
  apply(op, bench) {
    const pads = attributeInts(op, 'pads') ?? attributeInts(op, 'paddings') ?? bench.numbers(op.inputs[1]);
    return (pads?.every((pad) => pad === 0) ?? false) && bench.forward(op, [op.inputs[0]!]);
  },
});
