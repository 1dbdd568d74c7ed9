// Shape arithmetic that comes to the same sizes, whatever they are, is done once.
//
//   a = Shape(x)              a = Shape(x)
//   r = Relu(x)          →    …
//   b = Shape(r)              a in place of b

import { rewrite } from '../rewrite.ts';
import { tableOf } from './table.ts';

export const sharedShape = rewrite('shared-shape', {
  exact: true,
  apply(op, bench) {
    const [id] = op.outputs;
    if (!id || op.outputs.length !== 1 || bench.hasEffects(op) || bench.isOutput(id)) return false;
    const [known, dtype] = [bench.known(id), bench.dtype(id)];
    if (known === undefined || dtype === undefined || known.elems.includes(null)) return false;
    if (!known.elems.some((elem) => typeof elem === 'string')) return false;
    const key = JSON.stringify([dtype, known.dims, known.elems, op.place]);
    const first = tableOf(bench, 'shared-shape').firstBefore(op, key);
    return first !== undefined && bench.share(id, first.outputs[0]!);
  },
});
