// Resize and Upsample, one axis after another: each position of the output is a weighted sum of a few of the input.

import { Invalid, kernels, type OpContext, since, Unsupported } from '../kernel.ts';
import { axesOf, numbersOf, product, stridesOf } from '../loops/shape.ts';
import { roundEven } from '../loops/special.ts';
import { eachIndex } from '../loops/windows.ts';
import { allocate, type Floats, familyOf, type NdArray, ndarray, settled, sizeOf } from '../value.ts';
import { rangeOf } from './quantized.ts';

/** How one axis changes. */
interface AxisPlan {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly roi: readonly [start: number, end: number];
}
interface Settings {
  readonly mode: string;
  readonly nearest: string;
  readonly coordinates: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly extrapolation: number;
  readonly antialias: boolean;
}

/** Where in the input a position of the output lies. */
function sourceOf(at: number, { input, output, scale, roi }: AxisPlan, coordinates: string): number {
  const exact = scale * input;
  switch (coordinates) {
    case 'align_corners':
      return exact === 1 ? 0 : (at * (input - 1)) / (exact - 1);
    case 'asymmetric':
      return at / scale;
    case 'tf_crop_and_resize': {
      const span = (roi[1] - roi[0]) * (input - 1);
      return (exact === 1 ? span / 2 : (at * span) / (exact - 1)) + roi[0] * (input - 1);
    }
    case 'pytorch_half_pixel':
      return exact === 1 ? -0.5 : (at + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric':
      return (input / 2) * (1 - output / exact) + (at + 0.5) / scale - 0.5;
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'tf_half_pixel_for_nn':
      return (at + 0.5) / scale;
    default:
      throw new Invalid(`no coordinate transformation is called ${coordinates}`);
  }
}

/** No mode could be chosen; ONNX Runtime looks ahead where the image shrinks. */
const BEFORE_11 = 'before opset 11';

/** Which neighbour counts alone. */
function nearestOf(x: number, mode: string, scale: number): number {
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case BEFORE_11:
      return scale < 1 ? Math.ceil(x) : Math.floor(x);
    default:
      throw new Invalid(`no nearest mode is called ${mode}`);
  }
}

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));
/** Keys' cubic convolution. */
const cubic =
  (a: number) =>
  (x: number): number => {
    const size = Math.abs(x);
    if (size <= 1) return ((a + 2) * size - (a + 3)) * size * size + 1;
    return size < 2 ? ((a * size - 5 * a) * size + 8 * a) * size - 4 * a : 0;
  };

interface Taps {
  readonly from: readonly number[];
  readonly weights: readonly number[];
}

/** The inputs that count for one position, beyond the ends too, and their weights. */
function tapsOf(x: number, plan: AxisPlan, settings: Settings): Taps {
  if (settings.mode === 'nearest')
    return { from: [nearestOf(x, settings.nearest, plan.scale)], weights: [1] };
  const smooth = settings.mode === 'cubic';
  // Antialiasing widens the kernel when there are fewer outputs than inputs.
  const stretch = settings.antialias ? Math.min(plan.scale, 1) : 1;
  const reach = (smooth ? 2 : 1) / stretch;
  const kernel = smooth ? cubic(settings.cubic) : triangle;
  const from: number[] = [];
  const weights: number[] = [];
  for (let at = Math.ceil(x - reach); at <= x + reach; at++) {
    const outside = settings.excludeOutside && (at < 0 || at >= plan.input);
    from.push(at);
    weights.push(outside ? 0 : kernel((at - x) * stretch));
  }
  if (stretch === 1 && !settings.excludeOutside) return { from, weights };
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  return { from, weights: weights.map((one) => one / sum) };
}

/** Taps of all positions, within the input; undefined: outside, where the extrapolation value goes. */
function planned(plan: AxisPlan, settings: Settings): (Taps | undefined)[] {
  return Array.from({ length: plan.output }, (_, at) => {
    const x = sourceOf(at, plan, settings.coordinates);
    if (settings.coordinates === 'tf_crop_and_resize' && (x < 0 || x > plan.input - 1)) return undefined;
    const { from, weights } = tapsOf(x, plan, settings);
    return { from: from.map((one) => Math.min(plan.input - 1, Math.max(0, one))), weights };
  });
}

/** One axis of float64 numbers. */
function alongAxis(
  data: Float64Array,
  outer: number,
  inner: number,
  plan: AxisPlan,
  settings: Settings,
): Float64Array {
  const out = new Float64Array(outer * plan.output * inner);
  planned(plan, settings).forEach((taps, at) => {
    for (let block = 0; block < outer; block++) {
      const to = (block * plan.output + at) * inner;
      if (taps === undefined) {
        out.fill(settings.extrapolation, to, to + inner);
        continue;
      }
      taps.from.forEach((position, tap) => {
        const weight = taps.weights[tap]!;
        const from = (block * plan.input + position) * inner;
        for (let n = 0; n < inner; n++) out[to + n]! += weight * data[from + n]!;
      });
    }
  });
  return out;
}

/** Elements of any type are picked. */
function pickNearest(x: NdArray, plans: readonly AxisPlan[], settings: Settings): NdArray {
  const dims = plans.map(({ output }) => output);
  const strides = stridesOf(x.dims);
  const picks = plans.map((plan, axis) =>
    planned(plan, settings).map((taps) => (taps === undefined ? -1 : taps.from[0]! * strides[axis]!)),
  );
  const out = allocate(x.dtype, sizeOf(dims));
  const beyond = (
    familyOf(x.dtype) === 'bigint' ? BigInt(settings.extrapolation) : settings.extrapolation
  ) as never;
  eachIndex(dims, (index, at) => {
    let from = 0;
    for (let axis = 0; axis < dims.length; axis++) {
      const step = picks[axis]![index[axis]!]!;
      if (step < 0) {
        out[at] = beyond;
        return;
      }
      from += step;
    }
    out[at] = x.data[from] as never;
  });
  return settled(x.dtype, dims, out);
}

function interpolate(x: NdArray, plans: readonly AxisPlan[], settings: Settings): NdArray {
  const family = familyOf(x.dtype);
  if (family !== 'float' && family !== 'int') throw new Unsupported(x.dtype);
  const dims = [...x.dims];
  let data: Float64Array = Float64Array.from(x.data as Floats);
  plans.forEach((plan, axis) => {
    const still = plan.scale === 1 && plan.output === plan.input && plan.roi[0] === 0 && plan.roi[1] === 1;
    if (still) return;
    data = alongAxis(data, product(dims, 0, axis), product(dims, axis + 1), plan, settings);
    dims[axis] = plan.output;
  });
  const range = family === 'int' ? rangeOf(x.dtype) : undefined;
  const out = allocate(x.dtype, data.length) as Floats;
  for (let at = 0; at < out.length; at++)
    out[at] = range === undefined ? data[at]! : Math.min(range[1], Math.max(range[0], roundEven(data[at]!)));
  return range === undefined ? settled(x.dtype, dims, out) : ndarray(x.dtype, dims, out);
}

const resized = (x: NdArray, plans: readonly AxisPlan[], settings: Settings): NdArray =>
  settings.mode === 'nearest' ? pickNearest(x, plans, settings) : interpolate(x, plans, settings);

/** Factors of the axes that change, and sizes; sizes may have to keep the aspect ratio. */
function plansOf(op: OpContext, x: NdArray, roi?: NdArray, scales?: NdArray, sizes?: NdArray): AxisPlan[] {
  const rank = x.dims.length;
  const axes = axesOf(
    op.ints(
      'axes',
      x.dims.map((_, axis) => axis),
    ),
    rank,
  );
  const bySize = sizes !== undefined && sizes.data.length > 0;
  const given = bySize ? sizes : scales;
  if (given === undefined || given.data.length !== axes.length)
    throw new Invalid(`${given?.data.length ?? 0} scales or sizes for ${axes.length} axes`);
  const policy = op.string('keep_aspect_ratio_policy', 'stretch');
  const wanted = numbersOf(given);
  const factors = bySize ? wanted.map((size, at) => size / x.dims[axes[at]!]!) : wanted;
  const common = policy === 'not_larger' ? Math.min(...factors) : Math.max(...factors);
  const bounds = roi === undefined || roi.data.length === 0 ? undefined : numbersOf(roi);
  return x.dims.map((input, axis): AxisPlan => {
    const at = axes.indexOf(axis);
    if (at < 0) return { input, output: input, scale: 1, roi: [0, 1] };
    const region = [bounds?.[at] ?? 0, bounds?.[at + axes.length] ?? 1] as const;
    if (bySize && policy !== 'stretch')
      return { input, output: Math.floor(common * input + 0.5), scale: common, roi: region };
    const output = bySize ? wanted[at]! : Math.floor(factors[at]! * input);
    return { input, output, scale: factors[at]!, roi: region };
  });
}

const settingsOf = (op: OpContext): Settings => ({
  mode: op.string('mode', 'nearest'),
  nearest: op.string('nearest_mode', 'round_prefer_floor'),
  coordinates: op.string('coordinate_transformation_mode', 'half_pixel'),
  cubic: op.float('cubic_coeff_a', -0.75),
  excludeOutside: op.int('exclude_outside', 0) === 1,
  extrapolation: op.float('extrapolation_value', 0),
  antialias: op.int('antialias', 0) === 1,
});

/** As Upsample and the first Resize did it: counted from the left edge. */
function fromEdge(op: OpContext, x: NdArray, scales: readonly number[]): NdArray {
  if (scales.length !== x.dims.length) throw new Invalid(`${scales.length} scales for rank ${x.dims.length}`);
  const plans = x.dims.map((input, axis): AxisPlan => {
    const scale = scales[axis]!;
    return { input, output: Math.floor(input * scale), scale, roi: [0, 1] };
  });
  const given = op.string('mode', 'nearest').toLowerCase();
  const mode = given === 'bilinear' ? 'linear' : given;
  return resized(x, plans, { ...settingsOf(op), mode, coordinates: 'asymmetric', nearest: BEFORE_11 });
}

export const resizing = kernels('', {
  Resize: since(
    [10, (op: OpContext, x: NdArray, scales: NdArray) => fromEdge(op, x, numbersOf(scales))],
    [
      11,
      (op: OpContext, x: NdArray, roi?: NdArray, scales?: NdArray, sizes?: NdArray) =>
        resized(x, plansOf(op, x, roi, scales, sizes), settingsOf(op)),
    ],
  ),
  Upsample: since(
    [
      1,
      (op: OpContext, x: NdArray) =>
        fromEdge(op, x, [1, 1, op.float('height_scale', 1), op.float('width_scale', 1)]),
    ],
    [7, (op: OpContext, x: NdArray) => fromEdge(op, x, op.floats('scales') ?? [])],
    [9, (op: OpContext, x: NdArray, scales: NdArray) => fromEdge(op, x, numbersOf(scales))],
  ),
});
