// Why a flow did not come out complete, as `--json` has it: each value that went missing, with peer, edge and deadline.

import { causeText, type FlowResult } from '../../runtime/host/index.ts';

export interface Reason {
  /** The peer at which it was missed. */
  readonly at: string;
  /** null: the flow as a whole. */
  readonly value: string | null;
  readonly reason: string;
  /** Where it went missing first; for `timeout` and `lost`, the peer that was waited for. */
  readonly peer: string;
  readonly edge: number | null;
  /** The deadline of the wait, in ms. */
  readonly deadlineMs: number | null;
  readonly text: string;
}

/** A flow of a thousand members may miss as many values for one reason. */
const MAX_REASONS = 32;

export const reasonsOf = ({ causes }: FlowResult): readonly Reason[] =>
  causes.slice(0, MAX_REASONS).map((cause) => ({
    at: cause.at,
    value: cause.value === '' ? null : cause.value,
    reason: cause.missing.reason,
    peer: cause.missing.peer,
    edge: cause.missing.edge ?? null,
    deadlineMs: cause.deadlineNs === undefined ? null : cause.deadlineNs / 1e6,
    text: causeText(cause),
  }));
