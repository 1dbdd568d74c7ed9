// Why a value is missing, in words.

import type { Cause } from '../../io.ts';

/** Names the peer, the edge and the deadline, where there are such. */
export function causeText({ value, missing, deadlineNs }: Cause): string {
  const { reason, peer, edge, detail } = missing;
  const what = value === '' ? 'the flow' : value;
  const over = edge === undefined ? '' : ` over edge ${edge}`;
  const within = deadlineNs === undefined ? '' : ` within its deadline of ${deadlineNs / 1e9} s`;
  const why = detail === undefined ? '' : `: ${detail}`;
  switch (reason) {
    case 'timeout':
      return `${what} did not come from ${peer}${over}${within}${why}`;
    case 'lost':
      return `${what} did not come from ${peer}${over}${within}: ${peer} is lost`;
    default:
      return `${what} is missing: ${reason} at ${peer}${over}${why}`;
  }
}
