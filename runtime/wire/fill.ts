// Values to fills and back.

import { byteLengthOf, dtypeOfElemType, elemTypeOf } from '../../ir/types.ts';
import { clip, holdsStrings, isMissing, type Missing, missingReasons, type Value } from '../value.ts';
import type { Fill, FillInit } from './envelope.ts';

const RAW = 0;

/** The fill of one value for an edge; its payload goes beside it. A trigger edge carries no payload. */
export function fillOf(edge: number, value: Value, trigger: boolean): FillInit {
  if (isMissing(value)) return { edge, trigger, missing: missingMessage(value) };
  if (trigger) return { edge, trigger };
  return { edge, dtype: elemTypeOf(value.dtype), dims: value.dims, codec: RAW };
}

const missingMessage = (value: Missing) => ({
  reason: missingReasons.indexOf(value.reason) + 1,
  peer: clip(value.peer),
  ...(value.edge === undefined ? {} : { edge: value.edge }),
  ...(value.detail === undefined ? {} : { detail: clip(value.detail) }),
});

export type FillValue =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'trigger' }
  /** A dtype, codec or missing reason that this version does not know. */
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'malformed'; readonly message: string };

const malformed = (message: string): FillValue => ({ kind: 'malformed', message });

/** What a fill says. The tensor is a view of the payload. Never throws. */
export function valueOfFill(fill: Fill, payload: Uint8Array, rankLimit: number): FillValue {
  if (fill.missing !== undefined) {
    const reason = missingReasons[fill.missing.reason - 1];
    if (reason === undefined) return { kind: 'unknown', message: `missing reason ${fill.missing.reason}` };
    const { peer, edge, detail } = fill.missing;
    const about = {
      ...(edge === undefined ? {} : { edge }),
      ...(detail === '' ? {} : { detail: clip(detail) }),
    };
    return { kind: 'value', value: { reason, peer: clip(peer), ...about } };
  }
  if (fill.trigger) return { kind: 'trigger' };
  const dtype = dtypeOfElemType(fill.dtype);
  if (dtype === undefined) return { kind: 'unknown', message: `dtype ${fill.dtype}` };
  if (fill.codec !== RAW) return { kind: 'unknown', message: `codec ${fill.codec}` };
  if (fill.dims.length > rankLimit) return malformed(`${fill.dims.length} dimensions`);
  const { dims } = fill;
  let count = 1;
  for (const dim of dims) count *= dim;
  if (!Number.isSafeInteger(count)) return malformed('too many elements');
  const bytes = byteLengthOf(dtype, count);
  if (bytes !== undefined && bytes !== payload.length)
    return malformed(`${payload.length} bytes for ${dtype}[${dims.join(', ')}]`);
  if (bytes === undefined && !holdsStrings(payload, count)) return malformed('damaged strings');
  return { kind: 'value', value: { dtype, dims, bytes: payload } };
}
