// Two transposes are one, or none.
//
//   b = Transpose<perm = [0, 2, 1]>(a)
//   c = Transpose<perm = [0, 2, 1]>(b)   →   a in place of c

import { rewrite } from '../rewrite.ts';
import { permutationOf } from './permutation.ts';

export const doubleTranspose = rewrite('double-transpose', {
  exact: true,
  ops: ['Transpose'],
  apply(op, bench) {
    const inner = bench.makerOf(op.inputs[0], 'Transpose');
    if (inner === undefined) return false;
    const [first, second] = [permutationOf(inner, bench), permutationOf(op, bench)];
    const source = inner.inputs[0]!;
    if (first === undefined || second === undefined || first.length !== second.length) return false;
    const both = second.map((axis) => first[axis]!);
    if (both.every((from, to) => from === to)) return bench.forward(op, [source]);
    // If others read what is between, the inner one stays and nothing is gained.
    if (bench.useCount(op.inputs[0]!) > 1) return false;
    bench.replace(op, {
      type: 'Transpose',
      inputs: [source],
      attributes: [{ name: 'perm', kind: 'ints', value: both.map(BigInt) }],
    });
    return true;
  },
});
