// Pooling over regions of images, in other operators: RoiAlign (opset 16 and later) and MaxRoiPool (opset 1 and later).

import {
  attributeFloat,
  attributeInt,
  attributeInts,
  attributeString,
  type Op,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';

/** One axis of an image, of which every region has bins. */
interface Axis {
  /** Which coordinate of a region is its first place there, and which its last. */
  readonly from: number;
  readonly to: number;
  readonly bins: number;
  /** The axis of the image [samples, channels, height, width]. */
  readonly at: number;
}

/** Samples of an axis: places [regions, bins, samples], and which of them there are and lie inside. */
interface Samples {
  readonly place: ValueId;
  readonly exists: ValueId;
  readonly inside: ValueId;
  /** How many there are in each bin: [regions, 1, 1]. */
  readonly count: ValueId;
  /** The size of the image. */
  readonly size: ValueId;
}

const range = (b: Builder, size: ValueId): ValueId =>
  b.op('Range', [b.scalarOf(0, 'int64'), size, b.scalarOf(1, 'int64')]);
const sizeAt = (b: Builder, x: ValueId, axis: number): ValueId =>
  b.op('Squeeze', [b.op('Shape', [x], int('start', axis), int('end', axis + 1))]);
/** One coordinate of each region, with so many axes more. */
const coordinate = (b: Builder, rois: ValueId, at: number, more: number): ValueId =>
  b.op('Reshape', [
    b.op('Gather', [rois, b.list([at])], int('axis', 1)),
    b.list([-1, ...new Array<number>(more).fill(1)]),
  ]);

function samplesOf(b: Builder, op: Op, { from, to, bins, at }: Axis): Samples {
  const [x, rois] = op.inputs as [ValueId, ValueId];
  const dtype = b.dtype(rois);
  const c = (value: number): ValueId => b.scalar(value, rois);
  const halfPixel = (attributeString(op, 'coordinate_transformation_mode') ?? 'half_pixel') === 'half_pixel';
  const scale = attributeFloat(op, 'spatial_scale') ?? 1;
  const placed = (which: number): ValueId => {
    const scaled = b.op('Mul', [coordinate(b, rois, which, 2), c(scale)]);
    return halfPixel ? b.sub(scaled, c(0.5)) : scaled;
  };
  const first = placed(from);
  const extent = b.sub(placed(to), first);
  // Without half pixels, bad regions are made one element large.
  const bin = b.op('Div', [halfPixel ? extent : b.op('Max', [extent, c(1)]), c(bins)]);
  const ratio = attributeInt(op, 'sampling_ratio', 0);
  const count =
    ratio > 0 ? b.op('Expand', [c(ratio), b.shape(first)]) : b.op('Max', [b.op('Ceil', [bin]), c(0)]);
  const most =
    ratio > 0
      ? b.scalarOf(ratio, 'int64')
      : b.cast(
          b.op(
            'ReduceMax',
            [b.op('Concat', [b.flat(count), b.op('Reshape', [c(0), b.list([1])])], int('axis', 0))],
            int('keepdims', 0),
          ),
          'int64',
        );
  const sample = b.cast(range(b, most), dtype);
  const row = b.cast(b.op('Reshape', [range(b, b.scalarOf(bins, 'int64')), b.list([-1, 1])]), dtype);
  const within = b.op('Div', [b.op('Mul', [b.add(sample, c(0.5)), bin]), b.op('Max', [count, c(1)])]);
  const place = b.add(b.add(first, b.op('Mul', [row, bin])), within);
  const size = b.cast(sizeAt(b, x, at), dtype);
  const exists = b.op('Less', [sample, count]);
  const inside = b.op('And', [b.op('GreaterOrEqual', [place, c(-1)]), b.op('LessOrEqual', [place, size])]);
  return { place, exists, inside, count: b.op('Max', [count, c(1)]), size };
}

/** The place where it counts: within the first and the last element. */
function settled(b: Builder, { place, size }: Samples, like: ValueId): ValueId {
  const [zero, last] = [b.scalar(0, like), b.sub(size, b.scalar(1, like))];
  const low = b.where(b.op('Greater', [place, zero]), place, zero);
  return b.where(b.op('Less', [low, last]), low, last);
}

/** How much each element of an axis counts for each bin: [regions, bins, elements]. */
function shares(b: Builder, op: Op, axis: Axis): ValueId {
  const [x, rois] = op.inputs as [ValueId, ValueId];
  const samples = samplesOf(b, op, axis);
  const elements = b.cast(range(b, sizeAt(b, x, axis.at)), b.dtype(rois));
  const place = b.op('Unsqueeze', [settled(b, samples, rois), b.list([-1])]);
  const near = b.op('Relu', [b.sub(b.scalar(1, rois), b.op('Abs', [b.sub(place, elements)]))]);
  const counts = b.op('Unsqueeze', [b.op('And', [samples.exists, samples.inside]), b.list([-1])]);
  const sums = b.sum(b.where(counts, near, b.scalar(0, rois)), [2]);
  return b.op('Div', [sums, samples.count]);
}

/** The image of each region: [regions, channels, height, width]. */
const imagesOf = (b: Builder, x: ValueId, indices: ValueId): ValueId =>
  b.op('Gather', [x, indices], int('axis', 0));

export function regionsAligned(b: Builder, op: Op): readonly ValueId[] {
  const [x, , indices] = op.inputs as [ValueId, ValueId, ValueId];
  const down: Axis = { from: 1, to: 3, bins: attributeInt(op, 'output_height', 1), at: 2 };
  const across: Axis = { from: 0, to: 2, bins: attributeInt(op, 'output_width', 1), at: 3 };
  const images = imagesOf(b, x, indices);
  if ((attributeString(op, 'mode') ?? 'avg').toLowerCase() !== 'avg')
    return [largestSample(b, op, images, down, across)];
  // Rows and columns count independently of each other.
  const rows = b.op('Unsqueeze', [shares(b, op, down), b.list([1])]);
  const columns = b.op('Unsqueeze', [b.transpose(shares(b, op, across), [0, 2, 1]), b.list([1])]);
  return [b.op('MatMul', [b.op('MatMul', [rows, images]), columns])];
}

/** Of each sample, the two neighbours on an axis: indices and weights [regions, bins, samples · 2], and which there are. */
function neighbours(b: Builder, op: Op, axis: Axis) {
  const rois = op.inputs[1]!;
  const samples = samplesOf(b, op, axis);
  const place = settled(b, samples, rois);
  const low = b.op('Floor', [place]);
  const part = b.sub(place, low);
  const last = b.sub(samples.size, b.scalar(1, rois));
  const pair = (first: ValueId, second: ValueId): ValueId =>
    b.op('Reshape', [
      b.op(
        'Concat',
        [first, second].map((one) => b.op('Unsqueeze', [one, b.list([-1])])),
        int('axis', -1),
      ),
      b.list([0, 0, -1]),
    ]);
  const high = b.op('Min', [b.add(low, b.scalar(1, rois)), last]);
  return {
    index: b.cast(pair(low, high), 'int64'),
    weight: pair(b.sub(b.scalar(1, rois), part), part),
    exists: pair(samples.exists, samples.exists),
    inside: pair(samples.inside, samples.inside),
  };
}

/** The largest of all weighted neighbours of a bin's samples. */
function largestSample(b: Builder, op: Op, images: ValueId, down: Axis, across: Axis): ValueId {
  const [x] = op.inputs as [ValueId];
  const [rows, columns] = [neighbours(b, op, down), neighbours(b, op, across)];
  // [regions, 1, bins down, samples down, bins across, samples across]
  const outer = (type: string, first: ValueId, second: ValueId): ValueId =>
    b.op(type, [
      b.op('Unsqueeze', [first, b.list([1, 4, 5])]),
      b.op('Unsqueeze', [second, b.list([1, 2, 3])]),
    ]);
  const lines = b.mul(rows.index, sizeAt(b, x, 3));
  const index = outer('Add', lines, columns.index);
  const flat = b.op('Reshape', [images, b.list([0, 0, -1])]);
  const lead = b.op('Shape', [flat], int('end', 2));
  const list = b.op('Reshape', [index, b.list([0, 1, -1])]);
  const places = b.op('Expand', [
    list,
    b.op('Concat', [lead, b.op('Shape', [list], int('start', 2))], int('axis', 0)),
  ]);
  const found = b.op('Reshape', [
    b.op('GatherElements', [flat, places], int('axis', 2)),
    b.op('Concat', [lead, b.op('Shape', [index], int('start', 2))], int('axis', 0)),
  ]);
  const weight = outer('Mul', rows.weight, columns.weight);
  const none = b.scalar(Number.NEGATIVE_INFINITY, x);
  const parts = b.where(outer('And', rows.inside, columns.inside), b.mul(found, weight), b.scalar(0, x));
  return largest(b, b.where(outer('And', rows.exists, columns.exists), parts, none), [3, 5], x);
}

/** Along axes; zero where there is nothing. */
function largest(b: Builder, value: ValueId, axes: readonly number[], like: ValueId): ValueId {
  const found = b.op('ReduceMax', [value, b.list(axes)], int('keepdims', 0));
  return b.where(b.op('IsInf', [found], int('detect_positive', 0)), b.scalar(0, like), found);
}

/** Regions are [image, left, top, right, bottom]; first along the columns, then along the rows. */
export function regionsPooled(b: Builder, op: Op): readonly ValueId[] {
  const [x, rois] = op.inputs as [ValueId, ValueId];
  const pooled = attributeInts(op, 'pooled_shape') ?? b.refuse('pooled_shape is not given');
  const scale = attributeFloat(op, 'spatial_scale') ?? 1;
  const c = (value: number): ValueId => b.scalar(value, rois);
  const indices = b.cast(
    b.op('Reshape', [b.op('Gather', [rois, b.list([0])], int('axis', 1)), b.list([-1])]),
    'int64',
  );
  /** [regions, bins, elements] */
  const inBin = ({ from, to, bins, at }: Axis): ValueId => {
    const corner = (which: number): ValueId =>
      b.op('Floor', [b.add(b.op('Mul', [coordinate(b, rois, which, 1), c(scale)]), c(0.5))]);
    const first = corner(from);
    const extent = b.op('Max', [b.add(b.sub(corner(to), first), c(1)), c(1)]);
    const bin = b.op('Div', [extent, c(bins)]);
    const row = b.cast(range(b, b.scalarOf(bins, 'int64')), b.dtype(rois));
    const start = b.add(first, b.op('Floor', [b.op('Mul', [row, bin])]));
    const end = b.add(first, b.op('Ceil', [b.op('Mul', [b.add(row, c(1)), bin])]));
    const elements = b.cast(range(b, sizeAt(b, x, at)), b.dtype(rois));
    const wide = (value: ValueId): ValueId => b.op('Unsqueeze', [value, b.list([-1])]);
    return b.op('And', [
      b.op('GreaterOrEqual', [elements, wide(start)]),
      b.op('Less', [elements, wide(end)]),
    ]);
  };
  const rows = inBin({ from: 2, to: 4, bins: pooled[0]!, at: 2 });
  const columns = inBin({ from: 1, to: 3, bins: pooled[1]!, at: 3 });
  const none = b.scalar(Number.NEGATIVE_INFINITY, x);
  const images = imagesOf(b, x, indices);
  // [regions, channels, height, bins across, width]
  const across = b.where(
    b.op('Unsqueeze', [columns, b.list([1, 2])]),
    b.op('Unsqueeze', [images, b.list([3])]),
    none,
  );
  const narrow = b.op('ReduceMax', [across, b.list([4])], int('keepdims', 0));
  // [regions, channels, bins down, height, bins across]
  const down = b.where(
    b.op('Unsqueeze', [rows, b.list([1, 4])]),
    b.op('Unsqueeze', [narrow, b.list([2])]),
    none,
  );
  return [largest(b, down, [3], x)];
}
