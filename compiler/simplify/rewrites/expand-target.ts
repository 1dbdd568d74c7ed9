// In a target, 1 leaves an axis as it is: sizes that the value has anyway need not be computed.
//
//   t = Concat(Gather(Shape(x), 0), {8})     x: float32[N, 1]
//   y = Expand(x, t)                         →   y = Expand(x, {1, 8})

import { rewrite } from '../rewrite.ts';

export const expandTarget = rewrite('expand-target', {
  exact: true,
  ops: ['Expand'],
  apply(op, bench) {
    const [from, target] = op.inputs;
    const [elems, dims] = [bench.known(target)?.elems, bench.dims(from)];
    if (elems === undefined || dims === undefined || bench.constant(target) !== undefined) return false;
    const sizes = elems.map((elem, axis) => {
      const own = dims[dims.length - elems.length + axis];
      return typeof elem === 'string' && elem === own ? 1 : elem;
    });
    if (!sizes.every((size) => typeof size === 'number')) return false;
    const bytes = new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer);
    const constant = bench.newConstant(
      op,
      { dtype: 'int64', dims: [sizes.length], bytes },
      `${bench.value(op.outputs[0]!).name}_shape`,
    );
    bench.replace(op, { type: 'Expand', inputs: [from!, constant], attributes: op.attributes });
    return true;
  },
});
