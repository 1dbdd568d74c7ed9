// Reading between elements, in other operators: GridSample (opset 16 and later) and DeformConv (opset 19 and later). Along each
// axis a place is between taps, elements with weights; what is read is the sum over all combinations of taps.

import {
  attributeInt,
  attributeInts,
  attributeString,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';

/** Indices and weights of an axis: [batch, places, taps]. */
interface Taps {
  readonly index: ValueId;
  readonly weight: ValueId;
}
type Padding = 'zeros' | 'border' | 'reflection';

/** The weight of each tap as a polynomial of how far a place is beyond an element, from the constant on; and the first tap. */
interface Kernel {
  readonly first: number;
  readonly polynomials: readonly (readonly number[])[];
}
const A = -0.75;
const kernels: Readonly<Record<string, Kernel>> = {
  nearest: { first: 0, polynomials: [[1]] },
  linear: {
    first: 0,
    polynomials: [
      [1, -1],
      [0, 1],
    ],
  },
  cubic: {
    first: -1,
    polynomials: [
      [0, A, -2 * A, A],
      [1, 0, -(A + 3), A + 2],
      [0, -A, 2 * A + 3, -(A + 2)],
      [0, 0, A, -A],
    ],
  },
};
const modes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

/** Where something is inside; at the border itself no gradient passes, as in PyTorch. */
function clipped(b: Builder, place: ValueId, last: ValueId, like: ValueId): ValueId {
  const zero = b.scalar(0, like);
  const low = b.where(b.op('Greater', [place, zero]), place, zero);
  return b.where(b.op('Less', [low, last]), low, last);
}

/** Mirrored at the borders until it is inside: of elements if corners are aligned, else half an element beyond. */
function reflected(b: Builder, place: ValueId, size: ValueId, aligned: boolean, like: ValueId): ValueId {
  const c = (value: number): ValueId => b.scalar(value, like);
  const low = aligned ? 0 : -0.5;
  const span = aligned ? b.sub(size, c(1)) : size;
  // Of a single element, all is that element.
  const step = aligned ? b.op('Max', [span, c(1)]) : span;
  const distance = b.op('Abs', [b.sub(place, c(low))]);
  const times = b.op('Floor', [b.div(distance, step)]);
  const rest = b.sub(distance, b.mul(times, step));
  const isEven = b.op('Equal', [b.op('Mod', [times, c(2)], int('fmod', 1)), c(0)]);
  return b.add(b.where(isEven, rest, b.sub(span, rest)), c(low));
}

interface Sampling {
  readonly kernel: Kernel;
  readonly padding: Padding;
  readonly aligned: boolean;
  /** An input of the element type of coordinates. */
  readonly like: ValueId;
}

/** `place` is [batch, places], the size a scalar of its element type. */
function tapsOf(
  b: Builder,
  place: ValueId,
  size: ValueId,
  { kernel: { first, polynomials }, padding, aligned, like }: Sampling,
): Taps {
  const floor = b.op('Floor', [place]);
  const part = b.op('Unsqueeze', [b.sub(place, floor), b.list([-1])]);
  const row = (values: readonly number[]): ValueId => numbersLike(b, values, like);
  const degree = polynomials[0]!.length - 1;
  let weight = row(polynomials.map((one) => one[degree]!));
  for (let power = degree - 1; power >= 0; power--)
    weight = b.add(b.op('Mul', [weight, part]), row(polynomials.map((one) => one[power]!)));
  const taps = b.add(b.op('Unsqueeze', [floor, b.list([-1])]), row(polynomials.map((_, at) => at + first)));
  const last = b.sub(size, b.scalar(1, like));
  const moved = padding === 'reflection' ? reflected(b, taps, size, aligned, like) : taps;
  if (padding === 'zeros') {
    const inside = b.op('And', [
      b.op('GreaterOrEqual', [taps, b.scalar(0, like)]),
      b.op('LessOrEqual', [taps, last]),
    ]);
    weight = b.where(inside, weight, b.scalar(0, like));
  }
  return { index: b.cast(clipped(b, b.op('Round', [moved]), last, like), 'int64'), weight };
}

/** [values], of the element type of another value. */
function numbersLike(b: Builder, values: readonly number[], like: ValueId): ValueId {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  const wide = b.constant({ dtype: 'float64', dims: [values.length], bytes });
  return b.dtype(like) === 'float64' ? wide : b.cast(wide, b.dtype(like));
}

/** All combinations of the taps of the axes, as places in a row of all elements: [batch, places, combinations]. */
function combined(b: Builder, taps: readonly Taps[], sizes: readonly ValueId[]): Taps {
  const outer = (left: ValueId, right: ValueId, type: 'Add' | 'Mul'): ValueId =>
    b.op('Reshape', [
      b.op(type, [b.op('Unsqueeze', [left, b.list([-1])]), b.op('Unsqueeze', [right, b.list([-2])])]),
      b.list([0, 0, -1]),
    ]);
  return taps.reduce((all, next, axis) => ({
    index: outer(b.mul(all.index, sizes[axis]!), next.index, 'Add'),
    weight: outer(all.weight, next.weight, 'Mul'),
  }));
}

/** Images [batch, channels, elements] at [batch, places]: [batch, channels, places]. */
function read(b: Builder, images: ValueId, { index, weight }: Taps): ValueId {
  const flat = b.op('Reshape', [index, b.list([0, 1, -1])]);
  const lead = b.op('Shape', [images], int('end', 2));
  const places = b.op('Expand', [
    flat,
    b.op('Concat', [lead, b.op('Shape', [flat], int('start', 2))], int('axis', 0)),
  ]);
  const found = b.op('GatherElements', [images, places], int('axis', 2));
  const apart = b.op('Reshape', [
    found,
    b.op('Concat', [lead, b.op('Shape', [index], int('start', 1))], int('axis', 0)),
  ]);
  const factors = b.op('Unsqueeze', [weight, b.list([1])]);
  return b.sum(b.mul(apart, factors), [3]);
}

/** The sizes of an image beyond samples and channels, as scalars. */
const sizesOf = (b: Builder, x: ValueId, count: number): ValueId[] =>
  Array.from({ length: count }, (_, axis) =>
    b.op('Squeeze', [b.op('Shape', [x], int('start', axis + 2), int('end', axis + 3))]),
  );
const joined = (b: Builder, ...parts: readonly ValueId[]): ValueId => b.op('Concat', parts, int('axis', 0));

export function gridSampled(b: Builder, op: Op): readonly ValueId[] {
  const [x, grid] = op.inputs as [ValueId, ValueId];
  const count = b.rank(x) - 2;
  const given = attributeString(op, 'mode') ?? 'linear';
  const mode = modes[given] ?? given;
  const kernel = kernels[mode] ?? b.refuse(`its mode is ${mode}`);
  const padding = (attributeString(op, 'padding_mode') ?? 'zeros') as Padding;
  const aligned = attributeInt(op, 'align_corners', 0) === 1;
  const sizes = sizesOf(b, x, count);
  const points = b.op('Reshape', [grid, b.list([0, -1, count])]);
  const sampling: Sampling = { kernel, padding, aligned, like: grid };
  const taps = sizes.map((whole, axis) => {
    const size = b.cast(whole, b.dtype(grid));
    // Coordinates are in reverse: x, y, z.
    const normal = b.op('Gather', [points, b.scalarOf(count - 1 - axis, 'int64')], int('axis', 2));
    const place = placeOf(b, normal, size, aligned, grid);
    const settled = mode === 'nearest' ? b.op('Round', [place]) : place;
    return tapsOf(b, padded(b, settled, size, sampling), size, sampling);
  });
  const all = combined(b, taps, sizes);
  const weight = b.dtype(x) === b.dtype(grid) ? all.weight : b.cast(all.weight, b.dtype(x));
  const images = b.op('Reshape', [x, b.list([0, 0, -1])]);
  const values = read(b, images, { ...all, weight });
  const shape = joined(
    b,
    b.op('Shape', [x], int('end', 2)),
    b.op('Shape', [grid], int('start', 1), int('end', -1)),
  );
  return [b.op('Reshape', [values, shape])];
}

/** From [-1, 1] to elements. */
function placeOf(b: Builder, normal: ValueId, size: ValueId, aligned: boolean, like: ValueId): ValueId {
  const [one, two] = [b.scalar(1, like), b.scalar(2, like)];
  const shifted = b.add(normal, one);
  if (aligned) return b.op('Mul', [shifted, b.op('Div', [b.sub(size, one), two])]);
  return b.op('Div', [b.sub(b.op('Mul', [shifted, size]), one), two]);
}

/** What lies beyond the outer half of the first and the last element is moved inside. */
function padded(
  b: Builder,
  place: ValueId,
  size: ValueId,
  { kernel, padding, aligned, like }: Sampling,
): ValueId {
  if (padding === 'zeros') return place;
  const last = b.sub(size, b.scalar(1, like));
  const isCubic = kernel === kernels.cubic;
  if (padding === 'reflection') {
    const inside = reflected(b, place, size, aligned, like);
    return isCubic ? inside : clipped(b, inside, last, like);
  }
  const inside = clipped(b, place, last, like);
  if (!isCubic || aligned) return inside;
  // Within that half, the taps of a cubic are others than at the element.
  const half = b.scalar(0.5, like);
  const isNear = b.op('And', [
    b.op('GreaterOrEqual', [place, b.neg(half)]),
    b.op('LessOrEqual', [place, b.sub(size, half)]),
  ]);
  return b.where(isNear, place, inside);
}

/** Each element of the window is read somewhere else; then it is a product of matrices. */
export function deformed(b: Builder, op: Op): readonly ValueId[] {
  const [x, w, offset, bias, mask] = Array.from({ length: 5 }, (_, at) => op.inputs[at] ?? NO_VALUE) as [
    ValueId,
    ValueId,
    ValueId,
    ValueId,
    ValueId,
  ];
  const count = b.rank(x) - 2;
  const [groups, shifted] = [attributeInt(op, 'group', 1), attributeInt(op, 'offset_group', 1)];
  const window = b.op('Shape', [w], int('start', 2));
  const elements = b.op('ReduceProd', [window]);
  const sizes = sizesOf(b, x, count);
  const outer = b.op('Shape', [offset], int('start', 2));
  const places = b.op('ReduceProd', [outer]);
  const batch = b.op('Shape', [x], int('end', 1));
  const images = b.mul(batch, b.list([shifted]));
  // [batch · groups, elements, axes, places]
  const shifts = b.op('Reshape', [offset, joined(b, b.list([-1]), elements, b.list([count]), places)]);
  const sampling: Sampling = { kernel: kernels.linear!, padding: 'zeros', aligned: false, like: offset };
  const taps = sizes.map((whole, axis) => {
    const start = b.cast(startsOf(b, op, axis, window, outer), b.dtype(offset));
    const shift = b.op('Gather', [shifts, b.scalarOf(axis, 'int64')], int('axis', 2));
    const place = b.op('Reshape', [b.add(shift, start), b.list([0, -1])]);
    return tapsOf(b, place, b.cast(whole, b.dtype(offset)), sampling);
  });
  const inside = b.op('ReduceProd', [b.op('Shape', [x], int('start', 2))]);
  const parts = b.op('Reshape', [x, joined(b, images, b.list([-1]), inside)]);
  let columns = read(b, parts, combined(b, taps, sizes));
  if (mask !== NO_VALUE)
    columns = b.mul(columns, b.op('Reshape', [mask, joined(b, images, b.list([1, -1]))]));
  const rows = b.op('Reshape', [columns, joined(b, batch, b.list([groups, -1]), places)]);
  const filters = b.op('Shape', [w], int('end', 1));
  const matrix = b.op('Reshape', [
    w,
    joined(b, b.list([groups]), b.div(filters, b.list([groups])), b.list([-1])),
  ]);
  const products = b.op('MatMul', [matrix, rows]);
  const y = b.op('Reshape', [products, joined(b, batch, filters, outer)]);
  if (bias === NO_VALUE) return [y];
  return [b.add(y, b.op('Reshape', [bias, b.list([-1, ...new Array<number>(count).fill(1)])]))];
}

/** Where each element of each window is along an axis, without its shift: [elements, places]. */
function startsOf(b: Builder, op: Op, axis: number, window: ValueId, outer: ValueId): ValueId {
  const count = b.rank(op.inputs[0]!) - 2;
  const number = (value: number): ValueId => b.scalarOf(value, 'int64');
  const shape = Array.from({ length: count }, (_, at) => (at === axis ? -1 : 1));
  /** 0, factor, 2 · factor … along the axis of a block of this shape, as a row. */
  const spread = (factor: number, block: ValueId): ValueId => {
    const size = b.op('Gather', [block, number(axis)]);
    const row = b.mul(b.op('Range', [number(0), size, number(1)]), number(factor));
    return b.flat(b.op('Expand', [b.op('Reshape', [row, b.list(shape)]), block]));
  };
  const each = (name: string, fallback: number): number => attributeInts(op, name)?.[axis] ?? fallback;
  const within = b.sub(spread(each('dilations', 1), window), number(each('pads', 0)));
  return b.add(b.op('Unsqueeze', [within, b.list([1])]), spread(each('strides', 1), outer));
}
