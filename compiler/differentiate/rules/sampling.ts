// Operators that are linear in what they read: their gradient is the same sum the other way round, and its weights are what
// the operator itself makes of ones.

import { attributeInts, NO_VALUE, type ValueId } from '../../../ir/index.ts';
import { type Builder, int, ints } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';
import { unit } from './shapes.ts';

const [ROI, SCALES, SIZES] = [1, 2, 3];

/** Resize works on each axis alone: along one of them it is a matrix, which resizing the unit matrix shows. */
const resize: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  if (step.wants(ROI) || step.wants(SCALES))
    return b.refuse('a gradient of its scales or its region is asked for');
  const sized = x[SIZES] !== undefined && x[SIZES] !== NO_VALUE;
  // Then the scale of an axis is another one than that of its sizes.
  const keepsRatio = sized && b.string(op, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch';
  const input = x[0]!;
  const [from, to] = [b.dims(input), b.dims(y[0]!)];
  const rank = from.length;
  const listed = attributeInts(op, 'axes')?.map((axis) => (axis < 0 ? axis + rank : axis));
  const axes = listed ?? Array.from({ length: rank }, (_, axis) => axis);
  const crops = b.string(op, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  const scales = sized ? undefined : b.numbers(x[SCALES]!);
  // Of the same size, and where scales say so: as it was.
  const isSame = (axis: number): boolean =>
    from[axis] !== null &&
    from[axis] === to[axis] &&
    !crops &&
    !keepsRatio &&
    (sized || scales?.[axes.indexOf(axis)] === 1);
  const left = new Set(['axes', 'keep_aspect_ratio_policy', 'extrapolation_value']);
  const attributes = op.attributes.filter(({ name }) => !left.has(name));
  let gradient = dy[0]!;
  if (keepsRatio && crops) return b.refuse('its sizes keep the ratio, and it crops');
  for (const axis of axes.filter((one) => !isSame(one))) {
    const size = b.op('Shape', [input], int('start', axis), int('end', axis + 1));
    const after = b.op('Shape', [y[0]!], int('start', axis), int('end', axis + 1));
    const at = b.list([axes.indexOf(axis)]);
    const pair = (first: number, value: ValueId): ValueId =>
      b.op('Concat', [b.constant(floats([first])), value], int('axis', 0));
    const part = (value: ValueId, offset: number): ValueId =>
      b.cast(b.op('Gather', [value, b.list([axes.indexOf(axis) + offset])]), 'float32');
    const region = crops
      ? b.op('Concat', [pair(0, part(x[ROI]!, 0)), pair(1, part(x[ROI]!, axes.length))], int('axis', 0))
      : NO_VALUE;
    const parameters = sized
      ? [region, NO_VALUE, b.op('Concat', [size, after], int('axis', 0))]
      : [region, pair(1, b.op('Gather', [x[SCALES]!, at]))];
    const weights = keepsRatio
      ? weightsAmongAll(step, axis, axes, size)
      : b.op('Resize', [unit(b, size, input), ...parameters], ...attributes);
    const last = swapped(rank, axis);
    const turned = axis === rank - 1 ? gradient : b.transpose(gradient, last);
    const product = b.op('MatMul', [turned, b.transpose(weights, [1, 0])]);
    gradient = axis === rank - 1 ? product : b.transpose(product, last);
  }
  return [gradient];
};

/** The matrix of an axis, where its scale follows from all axes: of images that only change along it. */
function weightsAmongAll({ b, op, x }: Step, axis: number, axes: readonly number[], size: ValueId): ValueId {
  const input = x[0]!;
  const rank = b.rank(input);
  const others = Array.from({ length: rank }, (_, at) => at + 1).filter((one) => one !== axis + 1);
  const rows = b.op('Unsqueeze', [unit(b, size, input), b.list(others)]);
  const images = b.op('Expand', [rows, b.op('Concat', [size, b.shapeOf(input)], int('axis', 0))]);
  const attributes = op.attributes.filter(({ name }) => name !== 'axes' && name !== 'extrapolation_value');
  const among = ints(
    'axes',
    axes.map((one) => one + 1),
  );
  const resized = b.op('Resize', [images, NO_VALUE, NO_VALUE, x[SIZES]!], ...attributes, among);
  const firsts = others.map(() => 0);
  const first = b.op('Slice', [resized, b.list(firsts), b.list(others.map(() => 1)), b.list(others)]);
  return b.op('Squeeze', [first, b.list(others)]);
}

const floats = (values: readonly number[]) => ({
  dtype: 'float32' as const,
  dims: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** The axis and the last one in each other's place. */
const swapped = (rank: number, axis: number): number[] =>
  Array.from({ length: rank }, (_, at) => (at === axis ? rank - 1 : at === rank - 1 ? axis : at));

/** The grid of the unit transformation holds the coordinates that every transformation is applied to. */
const affineGrid: Rule = ({ b, op, x, y, dy }) => {
  const [theta, size] = x as [ValueId, ValueId];
  // [N, D, H, W, 3] or [N, H, W, 2]
  const axes = b.rank(y[0]!) - 2;
  const rows = Array.from({ length: axes * (axes + 1) }, (_, at) => (at % (axes + 2) === 0 ? 1 : 0));
  const identity = b.cast(
    b.op('Reshape', [b.constant(floats(rows)), b.list([1, axes, axes + 1])]),
    b.dtype(theta),
  );
  const one = b.op(
    'Concat',
    [b.list([1]), b.op('Slice', [size, b.list([1]), b.list([axes + 2])])],
    int('axis', 0),
  );
  const grid = b.op('AffineGrid', [identity, one], int('align_corners', b.int(op, 'align_corners', 0)));
  const points = b.op('Reshape', [grid, b.list([-1, axes])]);
  const ones = b.op('Expand', [
    b.scalar(1, theta),
    b.op('Concat', [b.op('Shape', [points], int('end', 1)), b.list([1])], int('axis', 0)),
  ]);
  const homogeneous = b.op('Concat', [points, ones], int('axis', 1));
  const given = b.op('Reshape', [dy[0]!, b.list([0, -1, axes])]);
  return [b.op('MatMul', [b.transpose(given, [0, 2, 1]), homogeneous])];
};

/** The transformation of the other direction, without its factor. The axis may be known only when it runs. */
const fourier: Rule = ({ b, op, x, y, dy }) => {
  const input = x[0]!;
  const rank = b.rank(input);
  const newer = b.opset >= 20;
  const one = b.list([1]);
  const listed = (value: ValueId): ValueId => b.cast(b.op('Reshape', [value, one]), 'int64');
  const axis = newer ? (x[2] ? listed(x[2]) : b.list([-2])) : b.list([b.int(op, 'axis', 1)]);
  const lengthOf = (value: ValueId): ValueId => b.op('Gather', [b.shape(value), axis]);
  const inverse = b.int(op, 'inverse', 0) !== 0;
  const onesided = b.int(op, 'onesided', 0) !== 0;
  // The result has as many points as were transformed, unless only half of them are shown.
  const points = !onesided || inverse ? lengthOf(y[0]!) : x[1] ? listed(x[1]) : lengthOf(input);
  const resizeTo = (value: ValueId, wanted: ValueId, of: ValueId): ValueId =>
    b.op('Pad', [value, b.op('Concat', [b.list([0]), b.sub(wanted, of)], int('axis', 0)), NO_VALUE, axis]);
  let spectrum = dy[0]!;
  if (onesided && !inverse) spectrum = resizeTo(spectrum, points, lengthOf(y[0]!));
  const direction = int('inverse', inverse ? 0 : 1);
  const raw = newer
    ? b.op('DFT', [spectrum, NO_VALUE, b.op('Squeeze', [axis])], direction)
    : b.op('DFT', [spectrum], int('axis', b.int(op, 'axis', 1)), direction);
  const count = b.cast(points, b.dtype(input));
  const scaled = inverse ? b.div(raw, count) : b.mul(raw, count);
  const whole = resizeTo(scaled, lengthOf(input), points);
  if (onesided && inverse) return [b.mul(whole, twice(b, whole, points, axis, input))];
  const parts = b.dims(input).at(-1);
  if (parts === 2) return [whole];
  // Of real numbers only the real part has a gradient.
  const last = b.op('Shape', [input], int('start', -1));
  return [b.op('Slice', [whole, b.list([0]), parts === 1 ? one : last, b.list([rank - 1])])];
};

/** Of half a spectrum: 2 where an element also stands for its conjugate, 1 at the ends, 0 beyond. */
function twice(b: Builder, whole: ValueId, points: ValueId, axis: ValueId, like: ValueId): ValueId {
  const number = (value: number): ValueId => b.scalarOf(value, 'int64');
  const size = b.op('Squeeze', [b.op('Gather', [b.shape(whole), axis])]);
  const row = b.op('Range', [number(0), size, number(1)]);
  const mirrored = b.op('And', [
    b.op('Greater', [row, number(0)]),
    b.op('Less', [b.mul(row, number(2)), points]),
  ]);
  const beyond = b.op('Greater', [b.mul(row, number(2)), points]);
  const factors = b.where(beyond, b.scalar(0, like), b.where(mirrored, b.scalar(2, like), b.scalar(1, like)));
  // In the shape [1, …, size, …, 1].
  const places = b.op('ScatterElements', [
    b.list(new Array<number>(b.rank(like)).fill(1)),
    axis,
    b.op('Reshape', [size, b.list([1])]),
  ]);
  return b.op('Reshape', [factors, places]);
}

/** Sums over where it is on, and where it is off. */
const oneHot: Rule = ({ b, op, x, dy }) => {
  const [indices, depth, values] = x as [ValueId, ValueId, ValueId];
  const switches = b.op(
    'Concat',
    [
      b.op('Reshape', [b.scalar(0, values), b.list([1])]),
      b.op('Reshape', [b.scalar(1, values), b.list([1])]),
    ],
    int('axis', 0),
  );
  const on = b.op('OneHot', [indices, depth, switches], int('axis', b.int(op, 'axis', -1)));
  const whole = (value: ValueId): ValueId =>
    b.op('Reshape', [b.op('ReduceSum', [value], int('keepdims', 0)), b.list([1])]);
  const lit = whole(b.mul(dy[0]!, on));
  return [undefined, undefined, b.op('Concat', [b.sub(whole(dy[0]!), lit), lit], int('axis', 0))];
};

export const sampling: Rules = { Resize: resize, AffineGrid: affineGrid, DFT: fourier, OneHot: oneHot };
