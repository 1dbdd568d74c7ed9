// A transpose that leaves every axis where it is.
//
//   b = Transpose<perm = [0, 1, 2]>(a)   →   a in place of b

import { rewrite } from '../rewrite.ts';
import { permutationOf } from './permutation.ts';

export const noopTranspose = rewrite('noop-transpose', {
  exact: true,
  ops: ['Transpose'],
  apply(op, bench) {
    const permutation = permutationOf(op, bench);
    return (permutation?.every((from, to) => from === to) ?? false) && bench.forward(op, [op.inputs[0]!]);
  },
});
