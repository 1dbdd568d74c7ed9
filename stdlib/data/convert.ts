// From what a file holds to what a program declares: numbers are widened, axes of one element come and go. Nothing is
// rounded, scaled or turned round; that is the graph's to say.

import { type DType, formatType, type Port, type Tensor, tensorType } from '../../ir/index.ts';
import { elementsOf, type Field } from './source.ts';

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;
type Numeric = keyof typeof arrays;
type NumericArray = InstanceType<(typeof arrays)[Numeric]>;

/** Types that hold every number of a type. */
const wider: Partial<Record<DType, readonly Numeric[]>> = {
  uint8: ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  int8: ['int16', 'int32', 'int64', 'float32', 'float64'],
  uint16: ['uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  int16: ['int32', 'int64', 'float32', 'float64'],
  uint32: ['uint64', 'int64', 'float64'],
  int32: ['int64', 'float64'],
  float32: ['float64'],
};

export type Conversion = (tensor: Tensor) => Tensor;

/** How a batch of `field` becomes what the program declares; in words, why it cannot. */
export function conversionTo(
  { dtype: want, shape }: Port,
  { name, dtype, dims }: Field,
): Conversion | string {
  const has = `${name} is ${formatType(tensorType(dtype, ['N', ...dims]))}`;
  const wanted = shape?.slice(1) ?? dims;
  const declared = formatType(tensorType(want ?? undefined, ['N', ...wanted]));
  const target = reshaped(dims, wanted);
  if (target === undefined) return `${has}, which has not the shape of ${declared}`;
  const shapeTo = (rows: Tensor): Tensor => ({ ...rows, dims: [rows.dims[0]!, ...target] });
  if (want === null || want === dtype) return shapeTo;
  if (!wider[dtype]?.some((one) => one === want))
    return `${has}, and not every ${dtype} is a number of ${declared}`;
  return (rows) => shapeTo(widened(rows, want as Numeric));
}

/** The dims of one record, if they are the same elements in the same order without doubt; undefined if not. */
function reshaped(
  dims: readonly number[],
  wanted: readonly (number | string | null)[],
): readonly number[] | undefined {
  const isOpen = (dim: number | string | null): boolean => typeof dim !== 'number';
  if (dims.length === wanted.length && wanted.every((dim, axis) => isOpen(dim) || dim === dims[axis]))
    return dims;
  if (wanted.some(isOpen)) return undefined;
  const fixed = wanted as readonly number[];
  const flat = fixed.length === 1 && fixed[0] === elementsOf(dims);
  const unflat = dims.length === 1 && dims[0] === elementsOf(fixed);
  const long = (all: readonly number[]): string => all.filter((dim) => dim !== 1).join();
  return flat || unflat || long(dims) === long(fixed) ? fixed : undefined;
}

function widened({ dtype, dims, bytes }: Tensor, to: Numeric): Tensor {
  const from: NumericArray = new arrays[dtype as Numeric](bytes.slice().buffer);
  const result: NumericArray = new arrays[to](from.length);
  const big = to === 'int64' || to === 'uint64';
  for (let at = 0; at < from.length; at++) result[at] = (big ? BigInt(from[at]!) : from[at]!) as never;
  return { dtype: to, dims, bytes: new Uint8Array(result.buffer) };
}
