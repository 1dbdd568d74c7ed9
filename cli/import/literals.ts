// Constants as TypeScript: numbers that come back as the same bits, and the dtype that a literal would take.

import { packElements } from '../../dsl/elements.ts';
import {
  type DType,
  packStrings,
  readWeight,
  type Tensor,
  unpackStrings,
  type ValueType,
  type Weight,
  weightByteLength,
} from '../../ir/index.ts';
import {
  admittedTypes,
  type OpSchema,
  type ParameterSchema,
  parseSchemaType,
  schemaTypeOf,
} from '../../ir/ops/schema.ts';
import { array, type Code, quoted } from './code.ts';

/** Constants of at most so many bytes are written where they are used; larger ones stay in their file. */
export const INLINE_BYTES = 64;
/** Lists of fractions are learned, not written by somebody: of them fewer. */
const INLINE_FRACTIONS = 4;

type Scalar = number | bigint | boolean | string;

/** A constant whose elements can be written down and come back as the same bits. */
export interface Written {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly elements: readonly Scalar[];
}

/** The elements of a constant; undefined if literals cannot say them, or there are too many. */
export function written(weight: Weight, limit = INLINE_BYTES): Written | undefined {
  const length = weightByteLength(weight);
  if (length === undefined || length > limit) return undefined;
  const tensor = readWeight(weight);
  const { dtype, dims } = tensor;
  const elements = elementsOf(tensor);
  if (elements === undefined || dims.length > 8) return undefined;
  const fractions = elements.some((one) => typeof one === 'number' && !Number.isInteger(one));
  if (fractions && limit === INLINE_BYTES && elements.length > INLINE_FRACTIONS) return undefined;
  // A list that is empty above its last level does not say how long the levels below are.
  if (elements.length === 0 && dims.indexOf(0) !== dims.length - 1) return undefined;
  try {
    const again =
      dtype === 'string'
        ? packStrings(elements as string[])
        : packElements(dtype, elements as (number | bigint | boolean)[]);
    const same = again.length === tensor.bytes.length && again.every((byte, at) => byte === tensor.bytes[at]);
    return same ? { dtype, dims, elements } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function elementsOf({ dtype, dims, bytes }: Tensor): Scalar[] | undefined {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (dtype === 'string') return unpackStrings(bytes, count);
  const read = readers[dtype];
  if (read === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = count === 0 ? 0 : bytes.length / count;
  return Array.from({ length: count }, (_, index) => read(view, index * size));
}

const readers: Partial<Record<DType, (view: DataView, at: number) => number | bigint | boolean>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  float16: (view, at) => fromHalf(view.getUint16(at, true)),
  bfloat16: (view, at) => fromBrain(view.getUint16(at, true)),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at) !== 0,
  int16: (view, at) => view.getInt16(at, true),
  uint16: (view, at) => view.getUint16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int64: (view, at) => view.getBigInt64(at, true),
  uint64: (view, at) => view.getBigUint64(at, true),
};

function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

function fromBrain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}

/** The shortest text of a number that is the same float32. */
export function floatText(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return numberText(short);
  }
  return numberText(value);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'Number.NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Number.POSITIVE_INFINITY' : 'Number.NEGATIVE_INFINITY';
  return Object.is(value, -0) ? '-0' : String(value).replace('e+', 'e');
}

export const integerText = (value: bigint): string =>
  BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? String(value) : `${value}n`;

function scalarText(dtype: DType, value: Scalar): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return integerText(value);
  if (typeof value === 'boolean') return String(value);
  return dtype === 'float32' ? floatText(value) : numberText(value);
}

/** The elements as nested lists. */
export function nested({ dtype, dims, elements }: Written): Code {
  const build = (axis: number, from: number, count: number): Code => {
    if (axis === dims.length) return scalarText(dtype, elements[from]!);
    const size = dims[axis]!;
    const step = size === 0 ? 0 : count / size;
    return array(Array.from({ length: size }, (_, at) => build(axis + 1, from + at * step, step)));
  };
  return build(0, 0, elements.length);
}

/** Whether an operand may be a plain number or list of numbers, and what dtype it would get; as dsl/operator.ts has it. */
export function literalDType(
  schema: OpSchema,
  position: number,
  operands: readonly (ValueType | undefined)[],
  isLiteral: readonly boolean[],
  { dims, elements }: Written,
): DType | undefined {
  if (dims.length > 1 || typeof elements[0] === 'string') return undefined;
  const parameterOf = (index: number): ParameterSchema => schema.inputs[index] ?? schema.inputs.at(-1)!;
  const bound = new Map<string, string>();
  operands.forEach((type, index) => {
    const text = isLiteral[index] ? undefined : schemaTypeOf(type);
    const parameter = parameterOf(index);
    if (text !== undefined && schema.typeSets.has(parameter.type) && parameter.homogeneous)
      bound.set(parameter.type, text);
  });
  const first = isLiteral[0] ? undefined : schemaTypeOf(operands[0]);
  let result: DType | undefined;
  // Literals before this one bind type variables too.
  for (let index = 0; index <= position; index++) {
    if (!isLiteral[index]) continue;
    const parameter = parameterOf(index);
    const admitted = admittedTypes(schema, parameter);
    // Whole numbers are written without a fraction, whatever their dtype.
    const own = index === position ? elements[0] : undefined;
    const whole = typeof own === 'bigint' || Number.isInteger(own);
    const usual = [
      bound.get(parameter.type),
      first,
      typeof own === 'boolean' ? 'tensor(bool)' : undefined,
      whole ? 'tensor(int64)' : undefined,
      'tensor(float)',
      'tensor(int64)',
    ].find((type) => type !== undefined && admitted.has(type));
    const type = parseSchemaType(usual ?? [...admitted][0]!);
    if (schema.typeSets.has(parameter.type) && !bound.has(parameter.type) && usual !== undefined)
      bound.set(parameter.type, usual);
    result = type.kind === 'tensor' ? type.dtype : undefined;
  }
  return result;
}
