// What flows along the edges of a program at run time: a tensor, or the reason why there is none.

import type { Tensor } from '../ir/types.ts';

/** In the order of their numbers in the envelope, from 1. */
export const missingReasons = ['declined', 'timeout', 'lost', 'refused', 'failed', 'cancelled'] as const;
export type MissingReason = (typeof missingReasons)[number];

export interface Missing {
  readonly reason: MissingReason;
  /** Where it went missing first; for `timeout` and `lost`, the peer that was waited for. */
  readonly peer: string;
  /** The edge that was waited for. */
  readonly edge?: number;
  readonly detail?: string;
}

export type Value = Tensor | Missing;

export const isMissing = (value: object): value is Missing => 'reason' in value;
