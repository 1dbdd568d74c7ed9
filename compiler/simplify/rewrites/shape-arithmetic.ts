// Whole numbers that inference knows, whatever the input, are constants.
//
//   s = Shape(x: float32[N, 4])
//   d = Gather(s, 1)             →   initializer d = 4
//
// Floats are left to folding: what inference computes with is not what backends round to.

import { type DType, type Tensor, weightOf } from '../../../ir/index.ts';
import type { Known } from '../../infer/known.ts';
import { rewrite } from '../rewrite.ts';

export const shapeArithmetic = rewrite('shape-arithmetic', {
  exact: true,
  apply(op, bench) {
    if (op.type === 'Constant' || bench.hasEffects(op)) return false;
    const used = op.outputs.map((id) => (id > 0 && bench.useCount(id) > 0 ? id : undefined));
    const tensors = used.map((id) => id && tensorOf(bench.known(id), bench.dtype(id)));
    if (used.some((id, index) => id !== undefined && tensors[index] === undefined)) return false;
    const weights = tensors.map((tensor, index) =>
      tensor ? weightOf(tensor, bench.value(used[index]!).name) : undefined,
    );
    bench.makeConstant(op, weights);
    return true;
  },
});

const arrays = {
  int64: (elems: readonly number[]) => BigInt64Array.from(elems, BigInt),
  int32: (elems: readonly number[]) => Int32Array.from(elems),
  bool: (elems: readonly number[]) => Uint8Array.from(elems),
};

function tensorOf(known: Known | undefined, dtype: DType | undefined): Tensor | undefined {
  if (known === undefined || dtype === undefined || !(dtype in arrays)) return undefined;
  if (!known.elems.every((elem) => typeof elem === 'number' && fits(elem, dtype))) return undefined;
  const array = arrays[dtype as keyof typeof arrays](known.elems as readonly number[]);
  return { dtype, dims: known.dims, bytes: new Uint8Array(array.buffer) };
}

const fits = (elem: number, dtype: DType): boolean =>
  Number.isSafeInteger(elem) &&
  (dtype !== 'int32' || elem === (elem | 0)) &&
  (dtype !== 'bool' || elem === 0 || elem === 1);
