// An op all of whose inputs are constants is computed now, though a backend may round in another way.
//
//   initializer w: float[2] = …
//   c = Exp(w)                    →   initializer c: float[2] = …
//
// Not what quantized weights are unpacked with: the model would grow, and backends look for these ops.

import { subgraphsOf } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import { fold } from './fold.ts';

const kept = new Set(['Constant', 'DequantizeLinear', 'DynamicQuantizeLinear', 'QuantizeLinear']);

export const foldRounded = rewrite('fold-rounded', {
  tolerance: 1e-6,
  apply: (op, bench) =>
    bench.isStandard(op) &&
    !kept.has(op.type) &&
    op.inputs.length > 0 &&
    subgraphsOf(op).length === 0 &&
    fold(op, bench),
});
