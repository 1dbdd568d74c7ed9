// Operators that rearrange, cut or join tensors without looking at their elements.

import { divideSizeExactly } from '../../../ir/size.ts';
import type { Dim, Shape } from '../../../ir/types.ts';
import {
  addDims,
  axisOf,
  broadcast,
  Contradiction,
  ceilDim,
  dimOf,
  divideDim,
  formatDims,
  isAtLeast,
  multiplyDims,
  productOfDims,
  remainingDim,
  subtractDims,
  sumDims,
  unifyDim,
  unknownDims,
} from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

function transpose(op: OpView): Shape {
  const [dims, order] = [op.dims(0), op.ints('perm')];
  if (dims === undefined) return order && unknownDims(order.length);
  if (order === undefined) return dims.toReversed();
  if (
    order.length !== dims.length ||
    new Set(order.map((axis) => axisOf(axis, dims.length))).size !== dims.length
  ) {
    throw new Contradiction(`perm [${order.join(', ')}] is no order of the axes of ${formatDims(dims)}`);
  }
  return order.map((axis) => dims[axis < 0 ? axis + dims.length : axis]!);
}

function concat(op: OpView): Shape {
  const shapes = op.allDims();
  const first = shapes.find((dims) => dims !== undefined);
  if (first === undefined) return undefined;
  if (first.length === 0) throw new Contradiction('scalars cannot be concatenated');
  const axis = axisOf(op.int('axis', 1), first.length);
  let others = first;
  const along: Dim[] = [];
  for (const dims of shapes) {
    along.push(dims?.[axis] ?? null);
    if (dims === undefined) continue;
    if (dims.length !== first.length)
      throw new Contradiction(`ranks differ: ${shapes.map(formatDims).join(' and ')}`);
    others = others.map((dim, at) => (at === axis ? dim : unifyConcat(dim, dims[at]!, axis, shapes)));
  }
  return others.with(axis, sumDims(along));
}

function unifyConcat(a: Dim, b: Dim, axis: number, shapes: readonly Shape[]): Dim {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) {
    throw new Contradiction(`shapes differ outside axis ${axis}: ${shapes.map(formatDims).join(' and ')}`);
  }
  return unifyDim(a, b);
}

function split(op: OpView): readonly Shape[] {
  const dims = op.dims(0);
  if (dims === undefined) return [];
  const axis = axisOf(op.int('axis', 0), dims.length);
  const parts = op.outputCount;
  const wanted = op.int('num_outputs') ?? parts;
  if (wanted !== parts) throw new Contradiction(`num_outputs is ${wanted}, and there are ${parts} outputs`);
  if (op.since >= 18 && op.has(1) === (op.int('num_outputs') !== undefined))
    throw new Contradiction('either the input split or the attribute num_outputs says what the parts are');
  const given =
    op.ints('split') ?? (op.has(1) ? (op.elems(1)?.map(dimOf) ?? unknownSizes(parts)) : undefined);
  if (given !== undefined && given.length !== parts)
    throw new Contradiction(`${given.length} sizes for ${parts} outputs`);
  const whole = dims[axis]!;
  // Since version 18 the last part may be smaller.
  if (given === undefined && op.since < 18 && typeof whole === 'number' && whole % parts !== 0)
    throw new Contradiction(`axis ${axis} of ${formatDims(dims)} does not split into ${parts} equal parts`);
  const sizes = given ?? evenParts(whole, parts);
  const total = sumDims(sizes);
  if (typeof total === 'number' && typeof dims[axis] === 'number' && total !== dims[axis]) {
    throw new Contradiction(`parts of ${total} in all do not make up axis ${axis} of ${formatDims(dims)}`);
  }
  return sizes.map((size) => dims.with(axis, size));
}

const unknownSizes = (parts: number): Dim[] => new Array<Dim>(parts).fill(null);

/** Equal parts, the last one smaller if need be. Nothing is known where the others leave less than nothing to it. */
function evenParts(size: Dim, parts: number): Dim[] {
  if (typeof size !== 'number') {
    const part = parts === 1 ? size : divideSizeExactly(size, parts);
    return new Array<Dim>(parts).fill(part);
  }
  const part = Math.ceil(size / parts);
  const last = size - part * (parts - 1);
  return last < 0 ? unknownSizes(parts) : unknownSizes(parts).fill(part).with(-1, last);
}

/** Length of `start:end:step` over a dimension. */
function sliced(dim: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (typeof step !== 'number' || step === 0) return null;
  if (dim === 0) return 0;
  if (typeof dim !== 'number' || typeof start !== 'number' || typeof end !== 'number')
    return slicedByName(dim, start, end, step);
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clamp = (at: number): number => Math.max(low, Math.min(high, at < 0 ? at + dim : at));
  const from = Math.max(0, Math.min(step > 0 ? dim : dim - 1, start < 0 ? start + dim : start));
  return Math.max(0, Math.ceil((clamp(end) - from) / step));
}

/** As {@link sliced}, where what is clamped can be told whatever the names stand for. */
function slicedByName(dim: Dim, start: Dim, end: Dim, step: number): Dim {
  if (dim === null || step < 0) return null;
  const place = (at: Dim): Dim => {
    if (typeof at === 'number' && at >= 2 ** 31 - 1) return dim;
    const front = typeof at === 'number' && at < 0 ? addDims(dim, at) : at;
    return isAtLeast(front, dim) ? dim : isAtLeast(front, 0) && isAtLeast(dim, front) ? front : null;
  };
  const [from, to] = [place(start), place(end)];
  if (from === null || to === null) return null;
  return isAtLeast(to, from) ? ceilDim(subtractDims(to, from), step) : isAtLeast(from, to) ? 0 : null;
}

function slice(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined) return undefined;
  const starts = op.ints('starts') ?? op.elems(1);
  const ends = op.ints('ends') ?? op.elems(2);
  const axes = op.axes(3);
  const steps = op.has(4) ? op.elems(4) : undefined;
  if (axes === undefined) return unknownDims(dims.length);
  const count = starts?.length ?? ends?.length ?? axes?.length ?? op.dim(1, 0);
  if (typeof count !== 'number') return unknownDims(dims.length);
  if (starts && ends && starts.length !== ends.length)
    throw new Contradiction(`${starts.length} starts and ${ends.length} ends`);
  if (axes && axes.length !== count) throw new Contradiction(`${axes.length} axes for ${count} starts`);
  const result = [...dims];
  const done = new Set<number>();
  for (let at = 0; at < count; at++) {
    const axis = axisOf(axes?.[at] ?? at, dims.length);
    if (done.has(axis)) throw new Contradiction(`axes name axis ${axis} twice`);
    done.add(axis);
    if (steps?.[at] === 0) throw new Contradiction(`the step along axis ${axis} is 0`);
    const step = op.has(4) ? (steps?.[at] ?? null) : 1;
    result[axis] = sliced(dims[axis]!, starts?.[at] ?? null, ends?.[at] ?? null, step);
  }
  return result;
}

function reshape(op: OpView): Shape {
  const dims = op.dims(0);
  const target = op.ints('shape') ?? op.elems(1);
  if (target === undefined) {
    const rank = op.dim(1, 0);
    return typeof rank === 'number' ? unknownDims(rank) : undefined;
  }
  const zeroCopies = op.int('allowzero', 0) === 0;
  const copied = new Set<number>();
  const result = target.map((size, axis): Dim => {
    if (size !== 0 || !zeroCopies) return size;
    copied.add(axis);
    if (dims === undefined) return null;
    return dims[axisOf(axis, dims.length)]!;
  });
  const open = target.indexOf(-1);
  if (open >= 0 && target.lastIndexOf(-1) !== open)
    throw new Contradiction(
      `the target [${target.map((size) => size ?? '?').join(', ')}] has more than one -1`,
    );
  const below = target.find((size) => typeof size === 'number' && size < -1);
  if (below !== undefined) throw new Contradiction(`there is no dimension ${below}`);
  if (open < 0) {
    checkCount(dims, result);
    return result.map(dimOf);
  }
  // A dimension copied by 0 is the same on both sides, so it cancels even where it is not known.
  const kept = (all: readonly Dim[]): Dim[] => all.filter((_, axis) => !copied.has(axis));
  const known = result.map((size, axis) => (axis === open ? 1 : size));
  return result.with(open, dims ? remainingDim(kept(dims), kept(known)) : null).map(dimOf);
}

function checkCount(from: Shape, to: readonly Dim[]): void {
  const [before, after] = [from && productOfDims(from), productOfDims(to)];
  if (typeof before === 'number' && typeof after === 'number' && before !== after) {
    throw new Contradiction(`${formatDims(from)} has ${before} elements, ${formatDims(to)} has ${after}`);
  }
}

function squeeze(op: OpView): Shape {
  const [dims, axes] = [op.dims(0), op.axes(1)];
  if (dims === undefined) return undefined;
  if (axes === undefined) {
    const count = op.dim(1, 0);
    return typeof count === 'number' && count <= dims.length ? unknownDims(dims.length - count) : undefined;
  }
  // Without axes every 1 goes; a dimension that is not known may be one.
  if (axes === null)
    return dims.every((dim) => typeof dim === 'number') ? dims.filter((dim) => dim !== 1) : undefined;
  const gone = new Set(axes.map((axis) => axisOf(axis, dims.length)));
  for (const axis of gone) {
    const dim = dims[axis];
    if (typeof dim === 'number' && dim !== 1) {
      throw new Contradiction(`axis ${axis} of ${formatDims(dims)} is not 1 and cannot be squeezed`);
    }
  }
  return dims.filter((_, axis) => !gone.has(axis));
}

function unsqueeze(op: OpView): Shape {
  const [dims, axes] = [op.dims(0), op.axes(1)];
  if (dims === undefined) return undefined;
  if (!axes) {
    const count = op.dim(1, 0);
    return typeof count === 'number' ? unknownDims(dims.length + count) : undefined;
  }
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (added.size !== axes.length) throw new Contradiction(`axes [${axes.join(', ')}] name an axis twice`);
  const rest = dims.values();
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.next().value!));
}

function expand(op: OpView): Shape {
  const length = op.dim(1, 0);
  const sizes = op.elems(1)?.map(dimOf) ?? (typeof length === 'number' ? unknownDims(length) : undefined);
  return broadcast([op.dims(0), sizes]);
}

function flatten(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined) return [null, null];
  const axis = op.int('axis', 1);
  const front = axis < 0 ? axis + dims.length : axis;
  if (front < 0 || front > dims.length || (axis < 0 && op.since < 11))
    throw new Contradiction(`axis ${axis} is outside rank ${dims.length}`);
  return [productOfDims(dims.slice(0, front)), productOfDims(dims.slice(front))];
}

function tile(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined || op.since < 6) return undefined;
  const repeats = op.elems(1);
  if (repeats !== undefined && repeats.length !== dims.length) {
    throw new Contradiction(`${repeats.length} repeats for ${formatDims(dims)}`);
  }
  return dims.map((dim, axis) => multiplyDims(dim, dimOf(repeats?.[axis])));
}

function pad(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined) return undefined;
  const pads = op.ints('pads') ?? op.ints('paddings') ?? op.elems(1);
  const axes = op.has(3) ? op.numbers(3) : dims.map((_, axis) => axis);
  if (pads === undefined || axes === undefined) return unknownDims(dims.length);
  if (pads.length !== 2 * axes.length) {
    throw new Contradiction(`${pads.length} pads for ${axes.length} axes of ${formatDims(dims)}`);
  }
  const result = [...dims];
  const fronts = axes.map((axis) => axisOf(axis, dims.length));
  if (new Set(fronts).size !== fronts.length)
    throw new Contradiction(`axes [${axes.join(', ')}] name an axis twice`);
  fronts.forEach((front, at) => {
    result[front] = dimOf(addDims(dims[front]!, addDims(pads[at]!, pads[at + axes.length]!)));
  });
  return result;
}

/** [batch, channels, height, width] of the input; unknown dimensions if its rank is. */
function image(op: OpView): readonly [Dim, Dim, Dim, Dim] {
  const dims = op.dims(0) ?? unknownDims(4);
  if (dims.length !== 4) throw new Contradiction(`the input ${formatDims(dims)} is not [N, C, H, W]`);
  return dims as readonly [Dim, Dim, Dim, Dim];
}

const blockSize = (op: OpView): number => op.int('blocksize', 1);

export const movementShapes: Record<string, ShapeRule> = {
  Transpose: (op) => [transpose(op)],
  Concat: (op) => [concat(op)],
  Split: split,
  Slice: (op) => [slice(op)],
  Reshape: (op) => [reshape(op)],
  Squeeze: (op) => [squeeze(op)],
  Unsqueeze: (op) => [unsqueeze(op)],
  Expand: (op) => [expand(op)],
  Flatten: (op) => [flatten(op)],
  Tile: (op) => [tile(op)],
  Pad: (op) => [pad(op)],
  DepthToSpace: (op) => {
    const [n, c, h, w] = image(op);
    const size = blockSize(op);
    return [[n, divideDim(c, size * size), multiplyDims(h, size), multiplyDims(w, size)]];
  },
  SpaceToDepth: (op) => {
    const [n, c, h, w] = image(op);
    const size = blockSize(op);
    return [[n, multiplyDims(c, size * size), divideDim(h, size), divideDim(w, size)]];
  },
  CenterCropPad: (op) => {
    const dims = op.dims(0);
    const sizes = op.elems(1);
    const axes = op.ints('axes')?.map((axis) => axisOf(axis, dims?.length ?? Number.POSITIVE_INFINITY));
    if (dims === undefined) return [];
    const count = axes?.length ?? dims.length;
    if (sizes !== undefined && sizes.length !== count)
      throw new Contradiction(`${sizes.length} sizes for ${count} axes`);
    return [
      dims.map((dim, axis) => {
        const at = axes === undefined ? axis : axes.indexOf(axis);
        return at < 0 ? dim : dimOf(sizes?.[at]);
      }),
    ];
  },
  ...each('ConcatFromSequence', (op) => {
    const type = op.type(0);
    const elem = type?.kind === 'sequence' && type.elem?.kind === 'tensor' ? type.elem.dims : undefined;
    if (elem === undefined) return [];
    const stacks = op.int('new_axis', 0) !== 0;
    const axis = axisOf(op.int('axis', 0), elem.length + (stacks ? 1 : 0));
    return [stacks ? elem.toSpliced(axis, 0, null) : elem.with(axis, null)];
  }),
};
