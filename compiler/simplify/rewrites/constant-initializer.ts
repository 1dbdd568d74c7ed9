// A Constant's tensor is an initializer of its graph; the bytes stay where they are.
//
//   c = Constant<value = {1, 2}>()   →   initializer c = {1, 2}
//
// Functions have no initializers; before IR 4 each was an input of the model; and a graph's output stays an op's,
// because not every tool takes an initializer there.

import { contentOf } from '../constants.ts';
import { rewrite } from '../rewrite.ts';

export const constantInitializer = rewrite('constant-initializer', {
  exact: true,
  ops: ['Constant'],
  apply(op, bench) {
    const [id] = op.outputs;
    if (!id || bench.isOutput(id) || !bench.holdsInitializers(op.graph)) return false;
    const weight = contentOf(op);
    if (weight === undefined) return false;
    bench.makeConstant(op, [weight]);
    return true;
  },
});
