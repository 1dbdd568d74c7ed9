// A target of which all but one size is known is a constant: the one follows.
//
//   t = Concat(Gather(Shape(x), 0), {-1}, {64})     →   y = Reshape(x, {-1, …, 64})
//   y = Reshape(x, t)

import { attributeInt, NO_VALUE } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

export const reshapeTarget = rewrite('reshape-target', {
  exact: true,
  ops: ['Reshape'],
  apply(op, bench) {
    const target = op.inputs[1] ?? NO_VALUE;
    const elems = bench.known(target)?.elems;
    if (elems === undefined || bench.constant(target) !== undefined || attributeInt(op, 'allowzero', 0) !== 0)
      return false;
    // A target may itself leave one size open, or copy some; what they are then is in the result's type.
    const dims = bench.dims(op.outputs[0]);
    const sizes = elems.map((elem, axis) =>
      typeof elem === 'number' && elem > 0 ? elem : (dims?.[axis] ?? null),
    );
    const open = sizes.filter((size) => typeof size !== 'number');
    // Beside a zero, -1 could be any size.
    if (open.length > 1 || sizes.includes(0)) return false;
    const known = sizes.map((size) => BigInt(typeof size === 'number' ? size : -1));
    const bytes = new Uint8Array(BigInt64Array.from(known).buffer);
    const constant = bench.newConstant(
      op,
      { dtype: 'int64', dims: [known.length], bytes },
      `${bench.value(op.outputs[0]!).name}_shape`,
    );
    bench.replace(op, { type: 'Reshape', inputs: [op.inputs[0]!, constant], attributes: op.attributes });
    return true;
  },
});
