// Fourier transforms, windows and mel filters, in float64.

import { Invalid, kernels, type OpContext, since } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { fromRows, rowsOf } from '../loops/rows.ts';
import { axisOf, numbersOf } from '../loops/shape.ts';
import { familyOf, type NdArray, ndarray } from '../value.ts';
import { converted } from './arithmetic.ts';

interface ComplexRow {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Σ x[k] e^(∓2πi jk / n): in halves while the length is even, then as it is written. */
function transform({ re, im }: ComplexRow, sign: number): ComplexRow {
  const n = re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  if (n > 1 && n % 2 === 0) {
    const half = (from: number): ComplexRow =>
      transform(
        { re: re.filter((_, at) => at % 2 === from), im: im.filter((_, at) => at % 2 === from) },
        sign,
      );
    const [even, odd] = [half(0), half(1)];
    for (let j = 0; j < n / 2; j++) {
      const angle = (sign * 2 * Math.PI * j) / n;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [a, b] = [odd.re[j]! * cos - odd.im[j]! * sin, odd.re[j]! * sin + odd.im[j]! * cos];
      out.re[j] = even.re[j]! + a;
      out.im[j] = even.im[j]! + b;
      out.re[j + n / 2] = even.re[j]! - a;
      out.im[j + n / 2] = even.im[j]! - b;
    }
    return out;
  }
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < n; k++) {
      const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      out.re[j]! += re[k]! * cos - im[k]! * sin;
      out.im[j]! += re[k]! * sin + im[k]! * cos;
    }
  }
  return out;
}

interface Wanted {
  readonly length: number;
  readonly inverse: boolean;
  readonly onesided: boolean;
}

/** One row: cut or filled with zeros to the length; one-sided spectra hold the half that determines the other. */
function transformed(row: ComplexRow, { length, inverse, onesided }: Wanted): ComplexRow {
  const held = inverse && onesided ? Math.floor(length / 2) + 1 : length;
  const padded = { re: new Float64Array(length), im: new Float64Array(length) };
  padded.re.set(row.re.subarray(0, held));
  padded.im.set(row.im.subarray(0, held));
  if (inverse && onesided) {
    padded.im[0] = 0;
    if (length % 2 === 0) padded.im[length / 2] = 0;
    for (let at = 1; at < length - at; at++) {
      padded.re[length - at] = padded.re[at]!;
      padded.im[length - at] = -padded.im[at]!;
    }
  }
  const result = transform(padded, inverse ? 1 : -1);
  if (!inverse) return result;
  return { re: result.re.map((one) => one / length), im: result.im.map((one) => one / length) };
}

/** Along an axis of [..., 1 or 2]: real numbers, or pairs of real and imaginary parts. */
function dft(op: OpContext, x: NdArray, length: NdArray | undefined, given: number): NdArray {
  floatsOf(x);
  const rank = x.dims.length;
  const axis = axisOf(given, rank);
  if (axis === rank - 1) throw new Invalid('the last axis holds real and imaginary parts');
  const [inverse, onesided] = [op.int('inverse', 0) === 1, op.int('onesided', 0) === 1];
  const size = x.dims[axis]!;
  const wanted = {
    length: length === undefined ? (inverse && onesided ? 2 * (size - 1) : size) : numbersOf(length)[0]!,
    inverse,
    onesided,
  };
  const parts = x.dims[rank - 1]!;
  const { data, count, order } = rowsOf(x, [axis, rank - 1]);
  const source = data as Float64Array;
  const outParts = inverse && onesided ? 1 : 2;
  const outSize = onesided && !inverse ? Math.floor(wanted.length / 2) + 1 : wanted.length;
  const out = new Float64Array(count * outSize * outParts);
  for (let row = 0; row < count; row++) {
    const part = (which: number): Float64Array =>
      Float64Array.from({ length: size }, (_, at) =>
        which < parts ? source[(row * size + at) * parts + which]! : 0,
      );
    const { re, im } = transformed({ re: part(0), im: part(1) }, wanted);
    for (let at = 0; at < outSize; at++) {
      out[(row * outSize + at) * outParts] = re[at]!;
      if (outParts === 2) out[(row * outSize + at) * 2 + 1] = im[at]!;
    }
  }
  const dims = x.dims.map((one, at) => (at === axis ? outSize : at === rank - 1 ? outParts : one));
  return fromRows(rounded(x.dtype, dims, out), order, dims);
}

/** Spectra of frames of a signal [batch, length, 1 or 2]. */
function stft(op: OpContext, x: NdArray, step: NdArray, window?: NdArray, length?: NdArray): NdArray {
  const signal = floatsOf(x);
  const [batch, total] = x.dims as [number, number];
  const parts = x.dims[2] ?? 1;
  const size = length === undefined ? (window?.dims[0] ?? total) : numbersOf(length)[0]!;
  const hop = numbersOf(step)[0]!;
  const frames = Math.floor((total - size) / hop) + 1;
  if (!(frames > 0 && hop > 0)) throw new Invalid(`frames of ${size} every ${hop} of ${total}`);
  const onesided = op.int('onesided', 1) === 1;
  const bins = onesided ? Math.floor(size / 2) + 1 : size;
  const out = new Float64Array(batch * frames * bins * 2);
  for (let frame = 0; frame < batch * frames; frame++) {
    const first = Math.floor(frame / frames) * total + (frame % frames) * hop;
    const part = (which: number): Float64Array =>
      Float64Array.from({ length: size }, (_, at) =>
        which < parts
          ? signal[(first + at) * parts + which]! * ((window?.data[at] as number | undefined) ?? 1)
          : 0,
      );
    const { re, im } = transform({ re: part(0), im: part(1) }, -1);
    for (let at = 0; at < bins; at++) {
      out[(frame * bins + at) * 2] = re[at]!;
      out[(frame * bins + at) * 2 + 1] = im[at]!;
    }
  }
  return rounded(x.dtype, [batch, frames, bins, 2], out);
}

/** Float64 numbers as the output type that the op asks for. */
function asAsked(op: OpContext, dims: readonly number[], values: Float64Array): NdArray {
  const dtype = op.dtype('output_datatype') ?? 'float32';
  return familyOf(dtype) === 'float'
    ? rounded(dtype, dims, values)
    : converted(ndarray('float64', dims, values.map(Math.trunc)), dtype);
}

/** Numbers of a window at angles 2πn/N, where N is its length, or one less if it is symmetric. */
const window = (at: (angle: number) => number) => (op: OpContext, size: NdArray) => {
  const [count] = numbersOf(size) as [number];
  const period = op.int('periodic', 1) === 1 ? count : count - 1;
  return asAsked(
    op,
    [count],
    Float64Array.from({ length: count }, (_, n) => at((2 * Math.PI * n) / period)),
  );
};

/** Triangles over the bins of a spectrum, evenly apart in mels. */
function melWeights(op: OpContext, ...inputs: NdArray[]): NdArray {
  const [count, length, rate, low, high] = inputs.map((one) => Number(one.data[0])) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const rows = Math.floor(length / 2) + 1;
  const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
  const step = (mel(high) - mel(low)) / (count + 2);
  const edges = Array.from({ length: count + 2 }, (_, at) =>
    Math.floor(((length + 1) * (700 * (10 ** ((at * step + mel(low)) / 2595) - 1))) / rate),
  );
  const out = new Float64Array(rows * count);
  for (let at = 0; at < count; at++) {
    const [left, center, right] = [edges[at]!, edges[at + 1]!, edges[at + 2]!];
    const put = (bin: number, weight: number): void => {
      if (bin >= rows) throw new Invalid(`${high} Hz is above half of ${rate} Hz`);
      out[bin * count + at] = weight;
    };
    if (left === center) put(center, 1);
    else for (let bin = left; bin <= center; bin++) put(bin, (bin - left) / (center - left));
    for (let bin = center; bin < right; bin++) put(bin, (right - bin) / (right - center));
  }
  return asAsked(op, [rows, count], out);
}

export const signals = kernels('', {
  DFT: since(
    [17, (op: OpContext, x: NdArray, length?: NdArray) => dft(op, x, length, op.int('axis', 1))],
    [
      20,
      (op: OpContext, x: NdArray, length?: NdArray, axis?: NdArray) =>
        dft(op, x, length, axis === undefined ? -2 : numbersOf(axis)[0]!),
    ],
  ),
  STFT: stft,
  HannWindow: window((angle) => 0.5 - 0.5 * Math.cos(angle)),
  HammingWindow: window((angle) => 25 / 46 - (21 / 46) * Math.cos(angle)),
  BlackmanWindow: window((angle) => 0.42 - 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle)),
  MelWeightMatrix: melWeights,
});
