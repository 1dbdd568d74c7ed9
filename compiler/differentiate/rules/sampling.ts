// Operators that are linear in what they read: their gradient is the same sum the other way round, and its weights are what
// the operator itself makes of ones.

import { attributeInts, attributeString, type ValueId } from '../../../ir/index.ts';
import { type Builder, int } from '../builder.ts';
import type { Rule, Rules } from '../rule.ts';

const [SCALES, SIZES] = [2, 3];

/** A matrix of ones on its diagonal, of a size that is known when it runs. */
function unit(b: Builder, size: ValueId, like: ValueId): ValueId {
  const shape = b.op('Concat', [size, size], int('axis', 0));
  const zeros = b.op('Expand', [b.scalar(0, like), shape]);
  return b.op('EyeLike', [zeros]);
}

/** Resize works on each axis alone: along one of them it is a matrix, which resizing the unit matrix shows. */
const resize: Rule = ({ b, op, x, y, dy }) => {
  if (attributeString(op, 'coordinate_transformation_mode') === 'tf_crop_and_resize')
    return b.refuse('it crops: the mode is tf_crop_and_resize');
  const input = x[0]!;
  const [from, to] = [b.dims(input), b.dims(y[0]!)];
  const rank = from.length;
  const listed = attributeInts(op, 'axes')?.map((axis) => (axis < 0 ? axis + rank : axis));
  const axes = listed ?? Array.from({ length: rank }, (_, axis) => axis);
  const resized = axes.filter((axis) => from[axis] === null || from[axis] !== to[axis]);
  const attributes = op.attributes.filter(
    ({ name }) => name !== 'axes' && name !== 'keep_aspect_ratio_policy',
  );
  let gradient = dy[0]!;
  for (const axis of resized) {
    const at = b.list([axes.indexOf(axis)]);
    const size = b.op('Shape', [input], int('start', axis), int('end', axis + 1));
    const none = 0 as ValueId;
    const parameters = x[SIZES]
      ? [
          none,
          none,
          b.op(
            'Concat',
            [size, b.op('Shape', [y[0]!], int('start', axis), int('end', axis + 1))],
            int('axis', 0),
          ),
        ]
      : [none, b.op('Concat', [b.constant(floats([1])), b.op('Gather', [x[SCALES]!, at])], int('axis', 0))];
    const weights = b.op('Resize', [unit(b, size, input), ...parameters], ...attributes);
    const last = swapped(rank, axis);
    const turned = axis === rank - 1 ? gradient : b.transpose(gradient, last);
    const product = b.op('MatMul', [turned, b.transpose(weights, [1, 0])]);
    gradient = axis === rank - 1 ? product : b.transpose(product, last);
  }
  return [gradient];
};

const floats = (values: readonly number[]) => ({
  dtype: 'float32' as const,
  dims: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** The axis and the last one in each other's place. */
const swapped = (rank: number, axis: number): number[] =>
  Array.from({ length: rank }, (_, at) => (at === axis ? rank - 1 : at === rank - 1 ? axis : at));

/** The grid of the unit transformation holds the coordinates that every transformation is applied to. */
const affineGrid: Rule = ({ b, op, x, dy }) => {
  const [theta, size] = x as [ValueId, ValueId];
  const [, axes] = b.dims(theta);
  if (typeof axes !== 'number') return b.refuse('the number of its axes is not known');
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

/** The transformation of the other direction, without its factor. */
const fourier: Rule = ({ b, op, x, y, dy }) => {
  if (b.opset >= 20) return b.refuse('from opset 20 on its axis is an input');
  const input = x[0]!;
  const rank = b.rank(input);
  const inverse = b.int(op, 'inverse', 0) !== 0;
  const axis = b.axis(op, input, 1);
  const lengthOf = (value: ValueId): ValueId =>
    b.op('Shape', [value], int('start', axis), int('end', axis + 1));
  const onesided = b.int(op, 'onesided', 0) !== 0;
  if (onesided && inverse) return b.refuse('it is inverse and one-sided');
  const points = x[1] ? b.op('Reshape', [x[1], b.list([1])]) : lengthOf(input);
  const resizeTo = (value: ValueId, wanted: ValueId, of: ValueId): ValueId => {
    const difference = b.sub(wanted, of);
    const before = b.list(new Array<number>(rank).fill(0));
    const lead = b.list(new Array<number>(axis).fill(0));
    const rest = b.list(new Array<number>(rank - axis - 1).fill(0));
    return b.op('Pad', [value, b.op('Concat', [before, lead, difference, rest], int('axis', 0))]);
  };
  let spectrum = dy[0]!;
  if (onesided) spectrum = resizeTo(spectrum, points, lengthOf(y[0]!));
  const attributes = [int('axis', axis), int('inverse', inverse ? 0 : 1)];
  const raw = b.op('DFT', [spectrum], ...attributes);
  const count = b.cast(points, b.dtype(input));
  const scaled = inverse ? b.div(raw, count) : b.mul(raw, count);
  const whole = x[1] ? resizeTo(scaled, lengthOf(input), points) : scaled;
  // Of real numbers only the real part has a gradient.
  if (b.dims(input).at(-1) !== 1) return [whole];
  return [b.op('Slice', [whole, b.list([0]), b.list([1]), b.list([rank - 1])])];
};

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
