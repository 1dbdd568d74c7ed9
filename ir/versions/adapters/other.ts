// Steps of single operators whose name, default or reading of an input changed.

import { NO_VALUE, type ValueId } from '../../graph.ts';
import { elemTypeOf } from '../../types.ts';
import {
  type Adapter,
  type Form,
  intAttribute,
  newOp,
  stringAttribute,
  withAttributes,
  withoutAttributes,
} from '../form.ts';
import { int64s, type Workbench } from '../workbench.ts';

/** Dropout 7 → 10: the mask was of the type of the data, and is bool. */
export const boolMask: Adapter = (op, bench) => {
  const [data, mask = NO_VALUE] = op.outputs;
  if (mask === NO_VALUE) return op;
  const bool = bench.value(mask, 'bool', { kind: 'tensor', dtype: 'bool', dims: bench.dimsOf(mask) });
  const dtype = bench.dtypeOf(op.inputs[0]!);
  const back =
    dtype === undefined
      ? bench.refuse(`the element type of ${bench.editor.value(op.inputs[0]!).name} is not known`)
      : newOp('Cast', [bool], [mask], intAttribute('to', elemTypeOf(dtype)));
  return [{ ...op, outputs: [data!, bool] }, back];
};
export const noMask: Adapter = (op, bench) =>
  (op.outputs[1] ?? NO_VALUE) === NO_VALUE ? op : bench.refuse('its mask is of type bool');

/** Gemm 11 → 9: what is added is not optional. */
export const addsZero: Adapter = (op, bench) => {
  if ((op.inputs[2] ?? NO_VALUE) !== NO_VALUE) return op;
  const zero = bench.scalarLike(0, op.inputs[0]!, 'zero');
  return [...zero.ops, { ...op, inputs: [...op.inputs.slice(0, 2), zero.id] }];
};

/** OneHot 9 → 11: negative indices were out of range, and count from the end now. */
export const noIndicesFromEnd: Adapter = (op, bench) => {
  const indices = op.inputs[0]!;
  if (isNeverNegative(indices, bench)) return op;
  const named = (suffix: string): ValueId => bench.value(indices, suffix);
  const [whole, negative, kept] = [named('int64'), named('negative'), named('in_range')];
  const beyond = bench.constant(int64s([(1n << 62n) - 1n], []), 'out_of_range');
  return [
    newOp('Cast', [indices], [whole], intAttribute('to', elemTypeOf('int64'))),
    newOp('Less', [whole, bench.scalar64(0, 'zero')], [negative]),
    newOp('Where', [negative, beyond, whole], [kept]),
    { ...op, inputs: [kept, ...op.inputs.slice(1)] },
  ];
};

/** OneHot 11 → 9: indices that count from the end are counted from the front. */
export const indicesFromFront: Adapter = (op, bench) => {
  const [indices, depth] = op.inputs as [ValueId, ValueId];
  if (isNeverNegative(indices, bench)) return op;
  const named = (suffix: string): ValueId => bench.value(indices, suffix);
  const [whole, negative, moved, kept] = [
    named('int64'),
    named('negative'),
    named('from_front'),
    named('in_range'),
  ];
  const [count, size] = [bench.value(depth, 'int64'), bench.value(depth, 'scalar')];
  const toInt64 = intAttribute('to', elemTypeOf('int64'));
  return [
    newOp('Cast', [indices], [whole], toInt64),
    newOp('Cast', [depth], [count], toInt64),
    newOp('Reshape', [count, bench.constant(int64s([], [0]), 'no_dimensions')], [size]),
    newOp('Less', [whole, bench.scalar64(0, 'zero')], [negative]),
    newOp('Add', [whole, size], [moved]),
    newOp('Where', [negative, moved, whole], [kept]),
    { ...op, inputs: [kept, ...op.inputs.slice(1)] },
  ];
};

const COUNTING = new Set(['ArgMax', 'ArgMin', 'NonZero', 'Shape', 'Size']);

function isNeverNegative(id: ValueId, bench: Workbench): boolean {
  if (/^uint|^bool/.test(bench.dtypeOf(id) ?? '')) return true;
  const known = bench.numbersOf(id);
  if (known !== undefined) return known.every((index) => index >= 0);
  const { def } = bench.editor.value(id);
  return def.kind === 'op' && COUNTING.has(bench.editor.op(def.op).type);
}

const coordinates = 'coordinate_transformation_mode';

/** RoiAlign 10 → 16: no shift by half a pixel, which is the default now. */
export const notShifted: Adapter = (op) =>
  withAttributes(op, stringAttribute(coordinates, 'output_half_pixel'));
export const neverShifted: Adapter = (op, bench) =>
  bench.string(op, coordinates, 'half_pixel') === 'output_half_pixel'
    ? withoutAttributes(op, coordinates)
    : bench.refuse('it shifts coordinates by half a pixel (half_pixel), which earlier versions do not');

export const renamed =
  (type: string): Adapter =>
  (op) => ({ ...op, type });

/** QuantizeLinear, DequantizeLinear 13 → 10: one scale for all elements, so that the axis has no meaning. */
export const oneScale: Adapter = (op, bench) => {
  const dims = bench.dimsOf(op.inputs[1]!);
  if (dims === undefined) return bench.refuse('the rank of its scale is not known');
  return dims.length === 0
    ? withoutAttributes(op, 'axis')
    : bench.refuse('it has a scale for each index of an axis');
};

/** Constant 12 → 11: numbers that were attributes of their own are a tensor. */
export const constantTensor: Adapter = (op, bench) => {
  const [attribute] = op.attributes;
  if (attribute?.name === 'value' || attribute?.name === 'sparse_value') return op;
  const tensor = bench.tensorOf(op.outputs[0]!);
  if (tensor === undefined) return bench.refuse(`its attribute ${attribute?.name} came with opset 12`);
  return { ...op, attributes: [{ name: 'value', kind: 'tensor', value: bench.weight(tensor) }] };
};

/** Max, Min, Mean, Sum 8 → 6: no broadcasting. */
export const sameShapes: Adapter = (op, bench) => {
  const shapes = op.inputs.map((id) => bench.dimsOf(id));
  const [first] = shapes;
  const equal = shapes.every(
    (dims) =>
      dims !== undefined &&
      dims.length === first?.length &&
      dims.every((dim, at) => dim !== null && dim === first[at]),
  );
  return equal || op.inputs.length === 1
    ? op
    : bench.refuse('its inputs are not known to be of one shape, and earlier versions do not broadcast');
};

/** OptionalHasElement 18 → 15, OptionalGetElement: of optionals only. */
export const ofOptional: Adapter = (op: Form, bench) =>
  bench.typeOf(op.inputs[0] ?? NO_VALUE)?.kind === 'optional'
    ? op
    : bench.refuse('its input is not known to be an optional');

/**
 * Pooling 22 → 19: both round sizes up with `ceil_mode`, but only the newer leaves out a last window that would begin
 * in the padding behind.
 */
export const noWindowInPadding: Adapter = (op, bench) => {
  if (bench.int(op, 'ceil_mode', 0) === 0 || bench.string(op, 'auto_pad', 'NOTSET') !== 'NOTSET') return op;
  const kernel = bench.ints(op, 'kernel_shape') ?? [];
  const dims = bench.dimsOf(op.inputs[0]!)?.slice(2);
  const [strides, dilations] = [bench.ints(op, 'strides'), bench.ints(op, 'dilations')];
  const pads = bench.ints(op, 'pads') ?? [];
  for (const [axis, taps] of kernel.entries()) {
    const [stride, reach] = [strides?.[axis] ?? 1, (taps - 1) * (dilations?.[axis] ?? 1) + 1];
    const [front, behind] = [pads[axis] ?? 0, pads[axis + kernel.length] ?? 0];
    if (stride + behind <= reach) continue;
    const size = dims?.[axis];
    const last = typeof size === 'number' ? Math.ceil((size + front + behind - reach) / stride) * stride : 0;
    if (typeof size !== 'number' || last >= size + front)
      return bench.refuse('with ceil_mode, earlier versions count a last window that begins in the padding');
  }
  return op;
};
