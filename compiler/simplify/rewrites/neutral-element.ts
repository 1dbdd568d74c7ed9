// An operand that changes no element.
//
//   b = Mul(a, 1)   →   a in place of b
//
// Of floats, -0 + 0 is 0: only a zero of the right sign changes nothing. It is -0 where it is added, and 0 where it is
// subtracted.

import type { DType, Op, Tensor, ValueId } from '../../../ir/index.ts';
import { sameShape } from '../../infer/dims.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

interface Neutral {
  readonly element: (dtype: DType) => number;
  readonly sides: 'both' | 'right';
}
const isFloat = (dtype: DType): boolean => dtype.startsWith('float') || dtype === 'bfloat16';
const neutral: Readonly<Record<string, Neutral>> = {
  Mul: { element: () => 1, sides: 'both' },
  Div: { element: () => 1, sides: 'right' },
  Pow: { element: () => 1, sides: 'right' },
  Add: { element: (dtype) => (isFloat(dtype) ? -0 : 0), sides: 'both' },
  Sub: { element: () => 0, sides: 'right' },
  And: { element: () => 1, sides: 'both' },
  Or: { element: () => 0, sides: 'both' },
  Xor: { element: () => 0, sides: 'both' },
  BitwiseOr: { element: () => 0, sides: 'both' },
  BitwiseXor: { element: () => 0, sides: 'both' },
};

export const neutralElement = rewrite('neutral-element', {
  exact: true,
  ops: Object.keys(neutral),
  apply(op, bench) {
    const [left, right] = op.inputs;
    const { element, sides } = neutral[op.type]!;
    if (!left || !right || op.attributes.length > 0) return false;
    if (changesNothing(op, left, right, element, bench)) return bench.forward(op, [left]);
    return sides === 'both' && changesNothing(op, right, left, element, bench) && bench.forward(op, [right]);
  },
});

function changesNothing(
  op: Op,
  kept: ValueId,
  other: ValueId,
  element: Neutral['element'],
  bench: Workbench,
): boolean {
  const weight = bench.constant(other);
  const dtype = bench.dtype(kept);
  if (weight === undefined || dtype === undefined || dtype !== bench.dtype(op.outputs[0])) return false;
  const dims = bench.dims(kept);
  if (dims === undefined || !fitsInto(weight.dims, dims)) return false;
  const tensor = bench.tensor(other);
  return tensor !== undefined && everyElement(tensor, element(dtype));
}

/** Whether broadcasting with `small` leaves the shape as it is. */
const fitsInto = (small: readonly number[], dims: readonly (number | string | null)[]): boolean =>
  small.length <= dims.length &&
  small.every((size, axis) => size === 1 || sameShape([size], [dims[dims.length - small.length + axis]!]));

const readers: Partial<Record<DType, (view: DataView, at: number) => number>> = {
  float32: (view, at) => view.getFloat32(4 * at, true),
  float64: (view, at) => view.getFloat64(8 * at, true),
  int64: (view, at) => Number(view.getBigInt64(8 * at, true)),
  int32: (view, at) => view.getInt32(4 * at, true),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at),
};

function everyElement({ dtype, dims, bytes }: Tensor, wanted: number): boolean {
  const read = readers[dtype];
  if (read === undefined) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = dims.reduce((product, dim) => product * dim, 1);
  for (let at = 0; at < count; at++) if (!Object.is(read(view, at), wanted)) return false;
  return count > 0;
}
