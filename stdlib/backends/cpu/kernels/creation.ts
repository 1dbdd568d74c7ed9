// Operators that make tensors.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { rowsOf } from '../loops/rows.ts';
import { axisOf, numbersOf } from '../loops/shape.ts';
import {
  allocate,
  type Data,
  familyOf,
  fill,
  float32s,
  int64s,
  type NdArray,
  ndarray,
  settled,
} from '../value.ts';
import { transposed } from './movement.ts';

function constant(op: OpContext): NdArray {
  const tensor = op.tensor('value') ?? op.tensor('sparse_value');
  if (tensor !== undefined) return tensor;
  if (op.has('value_float')) return float32s([op.float('value_float', 0)], []);
  const floats = op.floats('value_floats');
  if (floats !== undefined) return float32s(floats);
  const ints = op.bigints('value_int') ?? op.bigints('value_ints');
  if (ints !== undefined)
    return ndarray('int64', op.has('value_int') ? [] : [ints.length], BigInt64Array.from(ints));
  const text = op.string('value_string');
  if (text !== undefined) return ndarray('string', [], [text]);
  const strings = op.strings('value_strings');
  if (strings !== undefined) return ndarray('string', [strings.length], strings.slice());
  throw new Invalid('it has no value');
}

function range(_: OpContext, start: NdArray, limit: NdArray, delta: NdArray): NdArray {
  const [from, to, step] = [start.data[0], limit.data[0], delta.data[0]];
  if (typeof from === 'bigint') {
    const [span, by] = [(to as bigint) - from, step as bigint];
    if (by === 0n) throw new Invalid('a step of 0');
    const count = Math.max(0, Math.ceil(Number(span) / Number(by)));
    return ndarray(
      start.dtype,
      [count],
      BigInt64Array.from({ length: count }, (_, at) => from + BigInt(at) * by),
    );
  }
  if (typeof from !== 'number' || step === 0)
    throw step === 0 ? new Invalid('a step of 0') : new Unsupported(start.dtype);
  const count = Math.max(0, Math.ceil(((to as number) - from) / (step as number)));
  const data = allocate(start.dtype, count);
  for (let at = 0; at < count; at++) data[at] = from + at * (step as number);
  return settled(start.dtype, [count], data);
}

function eyeLike(op: OpContext, x: NdArray): NdArray {
  const dtype = op.dtype('dtype') ?? x.dtype;
  const [rows, columns] = x.dims as [number, number];
  const shift = op.int('k', 0);
  const { data } = fill(dtype, x.dims, familyOf(dtype) === 'bigint' ? 0n : 0);
  for (let row = 0; row < rows; row++) {
    const column = row + shift;
    if (column >= 0 && column < columns) data[row * columns + column] = familyOf(dtype) === 'bigint' ? 1n : 1;
  }
  return ndarray(dtype, x.dims, data);
}

/** The upper or lower triangle of matrices; the rest is zero. */
function trilu(op: OpContext, x: NdArray, k?: NdArray): NdArray {
  const shift = k === undefined ? 0 : numbersOf(k)[0]!;
  const upper = op.int('upper', 1) === 1;
  const [rows, columns] = [x.dims.at(-2)!, x.dims.at(-1)!];
  const data = allocate(x.dtype, x.data.length);
  for (let at = 0; at < data.length; at++) {
    const row = Math.floor(at / columns) % rows;
    const column = at % columns;
    if (upper ? column - row >= shift : column - row <= shift) data[at] = x.data[at]!;
  }
  return ndarray(x.dtype, x.dims, data);
}

/** Distinct elements, or slices along an axis, with where they are first, for each its number, and how many. */
function unique(op: OpContext, x: NdArray): readonly NdArray[] {
  const flat = !op.has('axis');
  const axis = flat ? 0 : axisOf(op.int('axis', 0), x.dims.length);
  const whole = flat ? { ...x, dims: [x.data.length] } : x;
  const others = whole.dims.map((_, one) => one).filter((one) => one !== axis);
  const { data, count, length } = rowsOf(whole, others);
  const compare = (a: number, b: number): number => {
    for (let n = 0; n < length; n++) {
      const [p, q] = [data[a * length + n] as never, data[b * length + n] as never];
      if (p < q) return -1;
      if (p > q) return 1;
      // NaN comes last.
      if (p !== q && !(Number.isNaN(p) && Number.isNaN(q))) return Number.isNaN(p) ? 1 : -1;
    }
    return 0;
  };
  const ranked = Array.from({ length: count }, (_, at) => at).sort((a, b) => compare(a, b) || a - b);
  let groups: number[][] = [];
  for (const at of ranked) {
    const last = groups.at(-1);
    if (last !== undefined && compare(last[0]!, at) === 0) last.push(at);
    else groups.push([at]);
  }
  if (op.int('sorted', 1) === 0) groups = groups.sort((a, b) => a[0]! - b[0]!);
  const inverse: number[] = new Array(count);
  groups.forEach((group, index) => {
    for (const at of group) inverse[at] = index;
  });
  const rows = allocate(x.dtype, groups.length * length);
  groups.forEach(([first], index) => {
    for (let n = 0; n < length; n++) rows[index * length + n] = data[first! * length + n]!;
  });
  const moved = ndarray(x.dtype, [groups.length, ...others.map((one) => whole.dims[one]!)], rows as Data);
  const order = whole.dims.map((_, one) => (one === axis ? 0 : others.indexOf(one) + 1));
  return [
    transposed(moved, order),
    int64s(groups.map(([first]) => first!)),
    int64s(inverse),
    int64s(groups.map((group) => group.length)),
  ];
}

export const creation = kernels('', {
  Constant: constant,
  ConstantOfShape(op: OpContext, shape: NdArray) {
    const value = op.tensor('value');
    const dims = numbersOf(shape);
    return value === undefined ? fill('float32', dims, 0) : fill(value.dtype, dims, value.data[0]!);
  },
  Range: range,
  EyeLike: eyeLike,
  Trilu: trilu,
  Unique: unique,
});
