// Values to fills and back.

import { type DataValue, isTensor, partsOf } from '../../ir/data.ts';
import { type DType, dtypeOfElemType, elemTypeOf, type Tensor } from '../../ir/types.ts';
import {
  clip,
  dataProblem,
  dimsProblem,
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
  | { readonly kind: 'type'; readonly message: string }
  | { readonly kind: 'malformed'; readonly message: string };

const NOTHING = new Uint8Array(0);

/** What a codec makes of encoded bytes, given dtype and dims; or why there is nothing. */
export type Decode = (bytes: Uint8Array, like: Tensor) => Tensor | string;

/** What a fill says. Tensors are views of the payload. Never throws. */
export function valueOfFill(
  fill: Fill,
  payload: Uint8Array,
  limits: ValueLimits,
  decode?: Decode,
): FillValue {
  if (fill.missing !== undefined) {
    const reason = missingReasons[fill.missing.reason - 1];
    if (reason === undefined) return { kind: 'type', message: `missing reason ${fill.missing.reason}` };
    const { peer, edge, detail } = fill.missing;
    const about = {
      ...(edge !== undefined && { edge }),
      ...(detail !== '' && { detail: clip(detail) }),
    };
    return { kind: 'value', value: { reason, peer: clip(peer), ...about } };
  }
  if (fill.trigger) return { kind: 'trigger' };
  const { codec } = fill;
  if (codec !== RAW && (codec !== CODED || decode === undefined))
    return { kind: 'type', message: `codec ${codec}` };
  try {
    const value =
      codec === CODED ? decoded(fill, payload, limits, decode!) : new PartReader(payload).whole(fill);
    const message = dataProblem(value, limits);
    return message === undefined ? { kind: 'value', value } : { kind: 'malformed', message };
  } catch (error) {
    if (error instanceof Misread) return { kind: error.kind, message: error.message };
    throw error;
  }
}

class Misread extends Error {
  readonly kind: 'type' | 'malformed';

  constructor(kind: Misread['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

const malformed = (message: string): Misread => new Misread('malformed', message);

function dtypeOf({ dtype: number }: Pick<Part, 'dtype'>): DType {
  const dtype = dtypeOfElemType(number);
  if (dtype === undefined) throw new Misread('type', `dtype ${number}`);
  return dtype;
}

/** A tensor of which the payload is what a codec makes, which sees no dims that cannot be. Throws {@link Misread}. */
function decoded(fill: Fill, payload: Uint8Array, { rank }: ValueLimits, decode: Decode): Tensor {
  const { dims } = fill;
  const dtype = dtypeOf(fill);
  const problem = dimsProblem(dims, rank);
  if (problem !== undefined) throw malformed(problem);
  const value = decode(payload, { dtype, dims, bytes: NOTHING });
  if (typeof value === 'string') throw malformed(value);
  if (value.dtype !== dtype || `${value.dims}` !== `${dims}`)
    throw malformed(`decoded to ${value.dtype}[${value.dims}]`);
  return value;
}

/**
 * Reads the tensors of a value one after another from its payload. Whether they are what they say is for
 * {@link dataProblem}: there are no more of them, nor deeper, than messages in an envelope. Throws {@link Misread}.
 */
class PartReader {
  readonly #payload: Uint8Array;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#payload = payload;
  }

  whole({ kind, dtype, dims, parts }: Fill): DataValue {
    const value = this.#read({ kind, dtype, dims, parts, length: this.#payload.length });
    const left = this.#payload.length - this.#at;
    if (left > 0) throw malformed(`${left} bytes too many`);
    return value;
  }

  #read(part: Part): DataValue {
    const { kind, dims } = part;
    if (kind === KIND.tensor) return { dtype: dtypeOf(part), dims, bytes: this.#take(part.length) };
    const values = part.parts.map((one) => this.#read(one));
    const [first = null, second] = values;
    switch (kind) {
      case KIND.sequence:
        return { kind: 'sequence', values };
      case KIND.optional:
        if (values.length > 1) throw malformed('an optional value with several values');
        return { kind: 'optional', value: first };
      case KIND.sparse:
        if (values.length !== 2) throw malformed('a sparse tensor has values and indices');
        return { kind: 'sparse', dims, values: first as Tensor, indices: second as Tensor };
      default:
        throw new Misread('type', `kind ${kind}`);
    }
  }

  #take(length: number): Uint8Array {
    const from = length === 0 ? this.#at : aligned(this.#at);
    if (from + length > this.#payload.length) throw malformed('a part lies outside its payload');
    this.#at = from + length;
    return this.#payload.subarray(from, this.#at);
  }
}
