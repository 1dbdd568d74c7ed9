// Regions of images: RoiAlign, MaxRoiPool, NonMaxSuppression.

import { Invalid, kernels, type OpContext, since } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { type Floats, int64s, type NdArray } from '../value.ts';

/** Four neighbours of a place, and their weights; undefined: too far outside. */
function neighbours(y: number, x: number, height: number, width: number) {
  if (y < -1 || y > height || x < -1 || x > width) return undefined;
  const along = (place: number, size: number): readonly [number, number, number] => {
    const low = Math.trunc(Math.max(place, 0));
    return low >= size - 1 ? [size - 1, size - 1, 0] : [low, low + 1, Math.max(place, 0) - low];
  };
  const [top, bottom, dy] = along(y, height);
  const [left, right, dx] = along(x, width);
  return {
    from: [top * width + left, top * width + right, bottom * width + left, bottom * width + right],
    weights: [(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx],
  };
}

interface Bins {
  /** First place, size of a bin, samples in a bin, number of bins: down, then across. */
  readonly start: readonly [number, number];
  readonly size: readonly [number, number];
  readonly samples: readonly [number, number];
  readonly count: readonly [number, number];
}

function binsOf(op: OpContext, roi: readonly number[], halfPixel: boolean): Bins {
  const count = [op.int('output_height', 1), op.int('output_width', 1)] as const;
  const scale = op.float('spatial_scale', 1);
  const [left, top, right, bottom] = roi.map((one) => one * scale - (halfPixel ? 0.5 : 0)) as [
    number,
    number,
    number,
    number,
  ];
  // Without half pixels, bad regions are made one element large.
  const least = halfPixel ? Number.NEGATIVE_INFINITY : 1;
  const [height, width] = [Math.max(bottom - top, least), Math.max(right - left, least)];
  const ratio = op.int('sampling_ratio', 0);
  const size = [height / count[0], width / count[1]] as const;
  const samples = [ratio || Math.ceil(size[0]), ratio || Math.ceil(size[1])] as const;
  return { start: [top, left], size, samples, count };
}

const roiAlign = (fallback: string) => (op: OpContext, x: NdArray, rois: NdArray, batches: NdArray) => {
  const [data, boxes] = [floatsOf(x), floatsOf(rois)];
  const [, channels, height, width] = x.dims as [number, number, number, number];
  const halfPixel = op.string('coordinate_transformation_mode', fallback) === 'half_pixel';
  const average = op.string('mode', 'avg').toLowerCase() === 'avg';
  const dims = [rois.dims[0]!, channels, op.int('output_height', 1), op.int('output_width', 1)];
  const out: number[] = [];
  for (let n = 0; n < dims[0]!; n++) {
    const bins = binsOf(op, Array.from(boxes.subarray(n * 4, n * 4 + 4)), halfPixel);
    for (let channel = 0; channel < channels; channel++) {
      const base = (Number(batches.data[n]) * channels + channel) * height * width;
      for (let row = 0; row < dims[2]!; row++)
        for (let column = 0; column < dims[3]!; column++)
          out.push(binValue(data, base, [row, column], bins, [height, width], average));
    }
  }
  return rounded(x.dtype, dims, out);
};

function binValue(
  data: Floats,
  base: number,
  bin: readonly [number, number],
  { start, size, samples }: Bins,
  [height, width]: readonly [number, number],
  average: boolean,
): number {
  let sum = 0;
  let most: number | undefined;
  const place = (axis: 0 | 1, at: number): number =>
    start[axis] + bin[axis] * size[axis] + ((at + 0.5) * size[axis]) / samples[axis];
  for (let i = 0; i < samples[0]; i++) {
    for (let j = 0; j < samples[1]; j++) {
      const found = neighbours(place(0, i), place(1, j), height, width);
      const parts = found?.from.map((from, at) => found.weights[at]! * data[base + from]!) ?? [0];
      for (const part of parts) sum += part;
      most = Math.max(most ?? Number.NEGATIVE_INFINITY, ...parts);
    }
  }
  return average ? sum / Math.max(samples[0] * samples[1], 1) : (most ?? 0);
}

/** Regions are [image, left, top, right, bottom]; their bins overlap where they do not divide. */
function maxRoiPool(op: OpContext, x: NdArray, rois: NdArray): NdArray {
  const [data, boxes] = [floatsOf(x), floatsOf(rois)];
  const [, channels, height, width] = x.dims as [number, number, number, number];
  const pooled = op.ints('pooled_shape');
  if (pooled?.length !== 2) throw new Invalid('pooled_shape is of two sizes');
  const scale = op.float('spatial_scale', 1);
  const out: number[] = [];
  for (let n = 0; n < rois.dims[0]!; n++) {
    const [image, ...corners] = Array.from(boxes.subarray(n * 5, n * 5 + 5));
    const [left, top, right, bottom] = corners.map((one) => Math.round(one * scale));
    const spans = (first: number, last: number, size: number, count: number) => {
      const bin = Math.max(last - first + 1, 1) / count;
      const inside = (at: number): number => Math.min(Math.max(at, 0), size);
      return Array.from({ length: count }, (_, at) => [
        inside(first + Math.floor(at * bin)),
        inside(first + Math.ceil((at + 1) * bin)),
      ]);
    };
    const [rows, columns] = [
      spans(top!, bottom!, height, pooled[0]!),
      spans(left!, right!, width, pooled[1]!),
    ];
    for (let channel = 0; channel < channels; channel++) {
      const base = (image! * channels + channel) * height * width;
      for (const [y0, y1] of rows) {
        for (const [x0, x1] of columns) {
          let most = y1! > y0! && x1! > x0! ? Number.NEGATIVE_INFINITY : 0;
          for (let y = y0!; y < y1!; y++)
            for (let at = x0!; at < x1!; at++) most = Math.max(most, data[base + y * width + at]!);
          out.push(most);
        }
      }
    }
  }
  return rounded(x.dtype, [rois.dims[0]!, channels, ...pooled], out);
}

type Box = readonly [top: number, left: number, bottom: number, right: number];

function boxOf(boxes: Floats, at: number, centered: boolean): Box {
  const [a, b, c, d] = boxes.subarray(at * 4, at * 4 + 4) as unknown as [number, number, number, number];
  if (centered) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

/** Area of what two boxes share over that of both. */
function overlap(a: Box, b: Box): number {
  const height = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const width = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (height <= 0 || width <= 0) return 0;
  const area = ([top, left, bottom, right]: Box): number => (bottom - top) * (right - left);
  const shared = height * width;
  return area(a) <= 0 || area(b) <= 0 ? 0 : shared / (area(a) + area(b) - shared);
}

/** Best boxes first; one that overlaps a better one of its class too much is left out. */
function nonMaxSuppression(
  op: OpContext,
  boxes: NdArray,
  scores: NdArray,
  ...limits: (NdArray | undefined)[]
) {
  const [places, points] = [floatsOf(boxes), floatsOf(scores)];
  const [most = 0, threshold = 0, least] = limits.map((one) => one && Number(one.data[0] ?? 0));
  const centered = op.int('center_point_box', 0) === 1;
  const [batch, classes, count] = scores.dims as [number, number, number];
  const selected: number[] = [];
  for (let row = 0; row < batch * classes; row++) {
    const image = Math.floor(row / classes);
    const score = (at: number): number => points[row * count + at]!;
    const order = Array.from({ length: count }, (_, at) => at)
      .filter((at) => least === undefined || score(at) > least)
      .sort((a, b) => score(b) - score(a) || a - b);
    const kept: Box[] = [];
    for (const at of order) {
      if (kept.length >= most) break;
      const box = boxOf(places, image * count + at, centered);
      if (kept.some((other) => overlap(box, other) > threshold)) continue;
      kept.push(box);
      selected.push(image, row % classes, at);
    }
  }
  return int64s(selected, [selected.length / 3, 3]);
}

export const regions = kernels('', {
  RoiAlign: since([10, roiAlign('output_half_pixel')], [16, roiAlign('half_pixel')]),
  MaxRoiPool: maxRoiPool,
  NonMaxSuppression: nonMaxSuppression,
});
