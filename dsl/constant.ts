// Constants: weights of the main graph, made from JavaScript numbers, nested arrays or typed arrays.

import { type DType, elementCount, packStrings, type Tensor as TensorData, tensorType } from '../ir/index.ts';
import { weightOf } from '../ir/onnx/weights.ts';
import { packElements } from './elements.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { AnyShape, NestedShape, Value } from './types.ts';
import { toValue } from './value.ts';

type Scalar = number | bigint | boolean | string;
export type Nested = Scalar | readonly Nested[];

interface TypedArrays {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly int16: Int16Array;
  readonly uint16: Uint16Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly int64: BigInt64Array;
  readonly uint64: BigUint64Array;
}
type AnyTypedArray = TypedArrays[keyof TypedArrays];
type DTypeOfArray<A> = { [D in keyof TypedArrays]: A extends TypedArrays[D] ? D : never }[keyof TypedArrays];

/** The dtype of JavaScript elements that come without one, as the first of them tells. */
export type DefaultDType<T, Depth extends readonly unknown[] = []> = T extends readonly unknown[]
  ? Depth['length'] extends 8
    ? never
    : DefaultDType<T[0], [...Depth, 0]>
  : T extends bigint
    ? 'int64'
    : T extends boolean
      ? 'bool'
      : T extends string
        ? 'string'
        : 'float32';

/**
 * A constant tensor. Nested arrays give their shape; numbers are float32, bigints int64, unless `dtype` says
 * otherwise. A typed array has its own dtype and, unless `shape` is given, one dimension.
 * Fails (BB305) where the elements do not fit the dtype or the shape.
 */
export function constant<const T extends Nested>(data: T): Value<DefaultDType<T>, NestedShape<T>, 'any'>;
export function constant<const T extends Nested, D extends DType>(
  data: T,
  dtype: D,
): Value<D, NestedShape<T>, 'any'>;
export function constant<
  A extends AnyTypedArray,
  D extends DType = DTypeOfArray<A>,
  const S extends readonly number[] = [number],
>(data: A, dtype?: D, shape?: S): Value<D, [...S], 'any'>;
export function constant(
  data: Nested | AnyTypedArray,
  dtype?: DType,
  shape?: readonly number[],
): Value<DType, AnyShape, 'any'> {
  const owner = recorder('constant');
  return owner.call(constant, () => {
    const tensor = ArrayBuffer.isView(data)
      ? fromTypedArray(owner, data, dtype, shape)
      : fromNested(owner, data, dtype);
    return toValue(addConstant(owner, tensor, owner.site?.name), owner);
  });
}

/** A constant of the recording; equal small ones without a name are one value. In a function it is an op there. */
export function addConstant(owner: Recorder, tensor: TensorData, name?: string): Fact {
  if (owner.isInFunction) return constantOp(owner, tensor);
  const key =
    name === undefined && tensor.bytes.length <= 64
      ? `constant ${tensor.dtype} ${tensor.dims.join()} ${tensor.bytes.join()}`
      : undefined;
  const known = key === undefined ? undefined : owner.once.get(key);
  if (known !== undefined) return known as Fact;
  const type = tensorType(tensor.dtype, tensor.dims);
  const label = name === undefined ? 'constant' : owner.qualified(name);
  const fact = owner.addValue(label, type, { entry: undefined }, owner.main);
  const value = owner.editor.value(fact.id);
  owner.editor.setValue(fact.id, { def: { kind: 'initializer' }, weight: weightOf(tensor, value.name) });
  owner.initializers.push(fact.id);
  if (key !== undefined) owner.once.set(key, fact);
  return fact;
}

/** Functions have no initializers, and read nothing of the graph around. */
function constantOp(owner: Recorder, tensor: TensorData): Fact {
  const fact = owner.addValue('constant', tensorType(tensor.dtype, tensor.dims), { entry: undefined });
  const attributes = [{ name: 'value', kind: 'tensor', value: weightOf(tensor) } as const];
  owner.authored.push(owner.addOp({ type: 'Constant', inputs: [], outputs: [fact.id], attributes }));
  return fact;
}

/** The tensor of a nested array. */
export function fromNested(owner: Recorder, data: Nested, dtype: DType | undefined): TensorData {
  const dims: number[] = [];
  for (let level: Nested | undefined = data; Array.isArray(level); level = level[0]) dims.push(level.length);
  const flat: Scalar[] = [];
  const walk = (part: Nested, depth: number): void => {
    const list = Array.isArray(part);
    if (list !== depth < dims.length || (list && part.length !== dims[depth])) {
      owner.fail('BB305', { reason: 'the lists of one level do not have one length' });
    }
    if (list) for (const one of part as readonly Nested[]) walk(one, depth + 1);
    else flat.push(part as Scalar);
  };
  walk(data, 0);
  return {
    dtype: dtype ?? defaultDType(flat[0]),
    dims,
    bytes: encode(owner, flat, dtype ?? defaultDType(flat[0])),
  };
}

function defaultDType(sample: Scalar | undefined): DType {
  if (typeof sample === 'bigint') return 'int64';
  if (typeof sample === 'boolean') return 'bool';
  return typeof sample === 'string' ? 'string' : 'float32';
}

function encode(owner: Recorder, flat: readonly Scalar[], dtype: DType): Uint8Array {
  if (dtype === 'string') return packStrings(flat.map(String));
  const wrong = flat.find((one) => typeof one === 'string');
  if (wrong !== undefined) owner.fail('BB305', { reason: `'${wrong}' is not of dtype ${dtype}` });
  try {
    return packElements(dtype, flat as readonly (number | bigint | boolean)[]);
  } catch (error) {
    if (error instanceof RangeError) owner.fail('BB305', { reason: error.message });
    throw error;
  }
}

function fromTypedArray(
  owner: Recorder,
  data: ArrayBufferView,
  dtype: DType | undefined,
  shape: readonly number[] | undefined,
): TensorData {
  const array = data as AnyTypedArray;
  const own = dtypeOfTypedArray(array);
  if (own === undefined) owner.fail('BB305', { reason: 'this kind of typed array has no dtype' });
  const dims = shape ?? [array.length];
  if (elementCount(dims) !== array.length) {
    owner.fail('BB305', { reason: `${array.length} elements do not fill the shape [${dims.join(', ')}]` });
  }
  const same =
    dtype === undefined ||
    dtype === own ||
    (dtype === 'float16' && own === 'uint16') ||
    (dtype === 'bool' && own === 'uint8');
  // Copied: the author may change the array afterwards.
  const bytes = same
    ? new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice()
    : encode(owner, Array.from(array as ArrayLike<number | bigint>), dtype);
  return { dtype: dtype ?? own, dims, bytes };
}

const arrayDTypes: readonly (readonly [new (n: number) => AnyTypedArray, DType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64'],
];
const dtypeOfTypedArray = (array: AnyTypedArray): DType | undefined =>
  arrayDTypes.find(([type]) => array instanceof type)?.[1];
