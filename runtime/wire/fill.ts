// Values to fills and back.

import { type DataValue, isTensor, partsOf, type SparseValue, sparseProblem } from '../../ir/data.ts';
import { byteLengthOf, type DType, dtypeOfElemType, elemTypeOf, type Tensor } from '../../ir/types.ts';
import {
  clip,
  holdsStrings,
  isMissing,
  type Missing,
  missingReasons,
  type Value,
  type ValueLimits,
} from '../value.ts';
import { type Fill, type FillInit, KIND, type Part, type PartInit } from './envelope.ts';
import { aligned } from './frame.ts';

const RAW = 0;
const CODED = 1;

/** The fill of one value for an edge; its payload goes beside it. A trigger edge carries no payload. */
export function fillOf(edge: number, value: Value, trigger: boolean, coded = false): FillInit {
  if (isMissing(value)) return { edge, trigger, missing: missingMessage(value) };
  if (trigger) return { edge, trigger };
  if (isTensor(value))
    return {
      edge,
      dtype: elemTypeOf(value.dtype),
      dims: value.dims,
      codec: coded ? CODED : RAW,
      payloadOffset: 0,
      payloadLength: 0,
    };
  const { kind, dims = [], parts } = partOf(value);
  return { edge, kind, dims, parts, payloadOffset: 0, payloadLength: 0 };
}

function partOf(value: DataValue): PartInit {
  if (isTensor(value))
    return { dtype: elemTypeOf(value.dtype), dims: value.dims, length: value.bytes.length };
  const dims = value.kind === 'sparse' ? value.dims : [];
  return { kind: KIND[value.kind], dims, parts: partsOf(value).map(partOf) };
}

const missingMessage = (value: Missing) => ({
  reason: missingReasons.indexOf(value.reason) + 1,
  peer: clip(value.peer),
  edge: value.edge,
  detail: clip(value.detail ?? ''),
});

export type FillValue =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'trigger' }
  /** A dtype, codec or missing reason that this version does not know. */
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'malformed'; readonly message: string };

const NOTHING = new Uint8Array(0);

/** What a codec makes of encoded bytes, given dtype and dims; or why there is nothing. */
export type Decode = (bytes: Uint8Array, like: Tensor) => Tensor | string;

const malformed = (message: string): FillValue => ({ kind: 'malformed', message });

/** What a fill says. Tensors are views of the payload. Never throws. */
export function valueOfFill(
  fill: Fill,
  payload: Uint8Array,
  limits: ValueLimits,
  decode?: Decode,
): FillValue {
  if (fill.missing !== undefined) {
    const reason = missingReasons[fill.missing.reason - 1];
    if (reason === undefined) return { kind: 'unknown', message: `missing reason ${fill.missing.reason}` };
    const { peer, edge, detail } = fill.missing;
    const about = {
      ...(edge !== undefined && { edge }),
      ...(detail !== '' && { detail: clip(detail) }),
    };
    return { kind: 'value', value: { reason, peer: clip(peer), ...about } };
  }
  if (fill.trigger) return { kind: 'trigger' };
  const { kind, dtype, dims, parts, codec } = fill;
  if (codec !== RAW && (codec !== CODED || decode === undefined))
    return { kind: 'unknown', message: `codec ${codec}` };
  try {
    const reader = new PartReader(payload, limits);
    if (codec === CODED) return { kind: 'value', value: reader.decoded(dtype, dims, decode!) };
    const value = reader.read({ kind, dtype, dims, parts, length: payload.length }, 0);
    return reader.left > 0 ? malformed(`${reader.left} bytes too many`) : { kind: 'value', value };
  } catch (error) {
    if (error instanceof Unknown) return { kind: 'unknown', message: error.message };
    if (error instanceof Malformed) return malformed(error.message);
    throw error;
  }
}

class Unknown extends Error {}
class Malformed extends Error {}

/** Reads the tensors of a value one after another from its payload. */
class PartReader {
  readonly #payload: Uint8Array;
  readonly #limits: ValueLimits;
  #at = 0;
  #parts = 0;

  constructor(payload: Uint8Array, limits: ValueLimits) {
    this.#payload = payload;
    this.#limits = limits;
  }

  /** Bytes that nothing has read. */
  get left(): number {
    return this.#payload.length - this.#at;
  }

  /** Throws {@link Unknown}, {@link Malformed}. */
  read(part: Part, depth: number): DataValue {
    const { parts, nesting } = this.#limits;
    if (++this.#parts > parts) throw new Malformed(`more than ${parts} parts`);
    if (depth > nesting) throw new Malformed(`more than ${nesting} containers within one another`);
    switch (part.kind) {
      case KIND.tensor:
        return this.#tensor(part);
      case KIND.sequence:
        return { kind: 'sequence', values: part.parts.map((one) => this.read(one, depth + 1)) };
      case KIND.optional: {
        const [inner, ...others] = part.parts;
        if (others.length > 0) throw new Malformed('an optional value with several values');
        return { kind: 'optional', value: inner === undefined ? null : this.read(inner, depth + 1) };
      }
      case KIND.sparse:
        return this.#sparse(part);
      default:
        throw new Unknown(`kind ${part.kind}`);
    }
  }

  /** A tensor of which the payload is what a codec makes. */
  decoded(number: number, dims: readonly number[], decode: Decode): Tensor {
    const [dtype, count] = [this.#dtype(number), this.#count(dims)];
    const value = decode(this.#payload, { dtype, dims, bytes: NOTHING });
    if (typeof value === 'string') throw new Malformed(value);
    if (
      value.dtype !== dtype ||
      `${value.dims}` !== `${dims}` ||
      value.bytes.length !== byteLengthOf(dtype, count)
    )
      throw new Malformed(`decoded to ${value.dtype}[${value.dims}]`);
    return value;
  }

  #dtype(number: number): DType {
    const dtype = dtypeOfElemType(number);
    if (dtype === undefined) throw new Unknown(`dtype ${number}`);
    return dtype;
  }

  #tensor({ dtype: number, dims, length }: Part): Tensor {
    const dtype = this.#dtype(number);
    const count = this.#count(dims);
    const wanted = byteLengthOf(dtype, count);
    const bytes = this.#take(length);
    if (wanted !== undefined && wanted !== bytes.length)
      throw new Malformed(`${bytes.length} bytes for ${dtype}[${dims.join(', ')}]`);
    if (wanted === undefined && !holdsStrings(bytes, count)) throw new Malformed('damaged strings');
    return { dtype, dims, bytes };
  }

  #sparse({ dims, parts }: Part): SparseValue {
    this.#count(dims);
    const [values, indices, ...others] = parts;
    if (values?.kind !== KIND.tensor || indices?.kind !== KIND.tensor || others.length > 0)
      throw new Malformed('a sparse tensor has values and indices');
    const value: SparseValue = {
      kind: 'sparse',
      dims,
      values: this.#tensor(values),
      indices: this.#tensor(indices),
    };
    const problem = sparseProblem(value);
    if (problem !== undefined) throw new Malformed(problem);
    return value;
  }

  #count(dims: readonly number[]): number {
    if (dims.length > this.#limits.rank) throw new Malformed(`${dims.length} dimensions`);
    let count = 1;
    for (const dim of dims) count *= dim;
    if (!Number.isSafeInteger(count)) throw new Malformed('too many elements');
    return count;
  }

  #take(length: number): Uint8Array {
    const from = length === 0 ? this.#at : aligned(this.#at);
    if (from + length > this.#payload.length) throw new Malformed('a part lies outside its payload');
    this.#at = from + length;
    return this.#payload.subarray(from, this.#at);
  }
}
