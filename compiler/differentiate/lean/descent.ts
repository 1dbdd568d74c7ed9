// A step along a gradient that is a product of matrices is part of that product: the smaller factor is scaled in place of
// the whole gradient.
//
//   g = Gemm<transA = 1>(a, b)
//   m = Mul(rate, g)                s = Mul(b, rate)
//   y = Sub(w, m)              →    y = Gemm<transA = 1, alpha = -1>(a, s, w)

import { attributeFloat, type Op, type ValueId } from '../../../ir/index.ts';
import { rewrite } from '../../simplify/rewrite.ts';
import type { Workbench } from '../../simplify/workbench.ts';
import { float } from '../builder.ts';

export const descent = rewrite('descent', {
  tolerance: 1e-6,
  ops: ['Sub'],
  apply(op, bench) {
    const [weight, move] = op.inputs as [ValueId, ValueId];
    const scaling = bench.makerOf(move, 'Mul');
    if (scaling === undefined || bench.useCount(move) > 1) return false;
    const [left, right] = scaling.inputs as [ValueId, ValueId];
    for (const [rate, gradient] of [
      [left, right],
      [right, left],
    ] as const) {
      const product = productFor(op, gradient, bench);
      if (product === undefined || bench.dims(rate)?.length !== 0 || !bench.sameDims(weight, gradient))
        continue;
      const [a, b] = product.inputs as [ValueId, ValueId];
      const smaller = elements(a, bench) < elements(b, bench) ? a : b;
      if (elements(smaller, bench) >= elements(gradient, bench)) return false;
      const scaled = bench.newValue(op.graph, `${bench.value(smaller).name}_scaled`);
      bench.insertBefore(op, { type: 'Mul', inputs: [smaller, rate], outputs: [scaled] });
      const kept = product.attributes.filter(({ name }) => name === 'transA' || name === 'transB');
      bench.replace(op, {
        type: 'Gemm',
        inputs: [smaller === a ? scaled : a, smaller === b ? scaled : b, weight],
        attributes: [...kept, float('alpha', -(attributeFloat(product, 'alpha') ?? 1))],
      });
      return true;
    }
    return false;
  },
});

/** The product that makes a gradient, if nobody else wants it. */
function productFor(op: Op, gradient: ValueId, bench: Workbench): Op | undefined {
  const product = bench.makerOf(gradient, 'Gemm');
  const alone = product?.graph === op.graph && bench.useCount(gradient) === 1;
  return alone && !product.inputs[2] ? product : undefined;
}

const elements = (value: ValueId, bench: Workbench): number =>
  (bench.dims(value) ?? [null]).reduce<number>(
    (count, dim) => (typeof dim === 'number' ? count * dim : Number.POSITIVE_INFINITY),
    1,
  );
