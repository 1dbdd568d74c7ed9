// The attributes of an op as its kernel asks for them.

import { DiagnosticError } from '../../../ir/diagnostic.ts';
import { externalRange, type OpenExternal } from '../../../ir/onnx/external.ts';
import { type DType, dtypeOfElemType } from '../../../ir/types.ts';
import { EXTERNAL, type TensorProto } from '../../../runtime/proto/onnx.ts';
import { tensorOfProto } from '../../../runtime/tensor-proto.ts';
import { type DeclaredType, Invalid, type OpContext } from './kernel.ts';
import type { AttributeProto, SparseProto } from './proto.ts';
import { generator } from './random.ts';
import { allocate, fromTensor, type NdArray, ndarray, sizeOf, type Value } from './value.ts';

/** A graph in an attribute: still bytes. */
export class GraphBytes {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}
/** A float is a number, an int a bigint, a string its bytes. */
export type AttributeValue =
  | number
  | bigint
  | Uint8Array
  | NdArray
  | GraphBytes
  | readonly number[]
  | readonly bigint[]
  | readonly Uint8Array[]
  | readonly NdArray[];
export type Attributes = ReadonlyMap<string, AttributeValue>;

/** The elements of a constant. Throws {@link Invalid} if they are damaged, DiagnosticError BB102 … BB105 if not there. */
export function constantOf(proto: TensorProto, external: OpenExternal): NdArray {
  try {
    if (proto.dataLocation !== EXTERNAL) return fromTensor(tensorOfProto(proto, undefined));
    const range = externalRange(proto, external, 'model');
    if ('code' in range) throw new DiagnosticError(range);
    const rawData = range.source.read(range.offset, range.byteLength);
    return fromTensor(tensorOfProto({ ...proto, dataLocation: 0, rawData }, undefined));
  } catch (error) {
    if (error instanceof DiagnosticError) throw error;
    throw new Invalid(`tensor ${JSON.stringify(proto.name)} cannot be read: ${(error as Error).message}`);
  }
}

/** A sparse constant with its zeros. Indices are linear, or one row per element. */
export function denseOf({ values, indices, dims }: SparseProto, external: OpenExternal): NdArray {
  const shape = dims.map(Number);
  const held = constantOf(values!, external);
  const places = constantOf(indices!, external);
  const data = allocate(held.dtype, sizeOf(shape));
  const rank = places.dims.length === 2 ? shape.length : 1;
  for (let at = 0; at < held.data.length; at++) {
    let linear = 0;
    for (let axis = 0; axis < rank; axis++)
      linear = linear * (rank === 1 ? 1 : shape[axis]!) + Number(places.data[at * rank + axis]);
    data[linear] = held.data[at]!;
  }
  return ndarray(held.dtype, shape, data);
}

// AttributeProto.AttributeType to its value.
const readers: Readonly<Record<number, (one: AttributeProto, external: OpenExternal) => AttributeValue>> = {
  1: (one) => one.f,
  2: (one) => one.i,
  3: (one) => one.s,
  4: (one, external) => constantOf(one.t!, external),
  5: (one) => new GraphBytes(one.g),
  6: (one) => one.floats,
  7: (one) => one.ints,
  8: (one) => one.strings,
  9: (one, external) => one.tensors.map((tensor) => constantOf(tensor, external)),
  11: (one, external) => denseOf(one.sparseTensor!, external),
  13: (one) => one.tp,
};

/** Reads attributes; references take the value of `bound`, and are left out where that has none. */
export function readAttributes(
  protos: readonly AttributeProto[],
  bound: Attributes,
  external: OpenExternal,
): Map<string, AttributeValue> {
  const attributes = new Map<string, AttributeValue>();
  for (const proto of protos) {
    const value =
      proto.refAttrName === '' ? readers[proto.type]?.(proto, external) : bound.get(proto.refAttrName);
    if (value !== undefined) attributes.set(proto.name, value);
  }
  return attributes;
}

const utf8 = new TextDecoder();

/** Which op it is, beside its attributes. */
export interface OpFacts {
  readonly domain: string;
  readonly type: string;
  readonly opset: number;
  /** For each output, whether somebody wants it. */
  readonly wanted: readonly boolean[];
}
/** What an op can ask for beside its attributes. */
export interface Surroundings {
  readonly random?: OpContext['random'];
  readonly body?: OpContext['body'];
  readonly bodyOutput?: OpContext['bodyOutput'];
}

export class AttributeContext implements OpContext {
  readonly domain: string;
  readonly type: string;
  readonly opset: number;
  readonly outputs: number;
  readonly #facts: OpFacts;
  readonly #attributes: Attributes;
  readonly #around: Surroundings;

  constructor(facts: OpFacts, attributes: Attributes, around: Surroundings = {}) {
    this.#facts = facts;
    this.domain = facts.domain;
    this.type = facts.type;
    this.opset = facts.opset;
    this.outputs = facts.wanted.length;
    this.#attributes = attributes;
    this.#around = around;
  }

  /** The same op, with its subgraphs bound to the values around them. */
  with(around: Surroundings): AttributeContext {
    return new AttributeContext(this.#facts, this.#attributes, around);
  }
  wants(index: number): boolean {
    return this.#facts.wanted[index] === true;
  }
  has(name: string): boolean {
    return this.#attributes.has(name);
  }
  int(name: string, fallback?: number): number {
    const value = this.#attributes.get(name);
    return typeof value === 'bigint' ? Number(value) : (fallback as number);
  }
  float(name: string, fallback?: number): number {
    const value = this.#attributes.get(name);
    return typeof value === 'number' ? value : (fallback as number);
  }
  string(name: string, fallback?: string): string {
    const value = this.#attributes.get(name);
    return value instanceof Uint8Array ? utf8.decode(value) : (fallback as string);
  }
  ints(name: string, fallback?: readonly number[]): readonly number[] {
    const value = this.#attributes.get(name);
    return Array.isArray(value) ? value.map(Number) : (fallback as readonly number[]);
  }
  bigints(name: string): readonly bigint[] | undefined {
    const value = this.#attributes.get(name);
    return typeof value === 'bigint' ? [value] : (value as readonly bigint[] | undefined);
  }
  floats(name: string): readonly number[] | undefined {
    return this.#attributes.get(name) as readonly number[] | undefined;
  }
  strings(name: string): readonly string[] | undefined {
    const value = this.#attributes.get(name) as readonly Uint8Array[] | undefined;
    return value?.map((one) => utf8.decode(one));
  }
  tensor(name: string): NdArray | undefined {
    return this.#attributes.get(name) as NdArray | undefined;
  }
  tensors(name: string): readonly NdArray[] | undefined {
    return this.#attributes.get(name) as readonly NdArray[] | undefined;
  }
  dtype(name: string): DType | undefined {
    const value = this.#attributes.get(name);
    return typeof value === 'bigint' ? dtypeOfElemType(Number(value)) : undefined;
  }
  typeBytes(name: string): Uint8Array | undefined {
    return this.#attributes.get(name) as Uint8Array | undefined;
  }
  random(seed: number | undefined): () => number {
    return (this.#around.random ?? generator)(seed);
  }
  body(name: string, inputs: readonly (Value | undefined)[]): readonly Value[] {
    if (this.#around.body === undefined) throw new Invalid('its subgraphs are not there');
    return this.#around.body(name, inputs);
  }
  bodyOutput(name: string, index: number): DeclaredType | undefined {
    return this.#around.bodyOutput?.(name, index);
  }
}
