// What the comparison of strategies must come to at least.

import type { CodecName } from '../../cli/bench/codecs.ts';

/** Shares of the bytes without a codec, headers included. */
const MOST_BYTES: Readonly<Partial<Record<CodecName, number>>> = { float16: 0.55, int8: 0.3, topk: 0.06 };
/** What a codec may cost of what is read rightly: rounding next to nothing, a hundredth of the numbers more. */
const MOST_COST: Readonly<Partial<Record<CodecName, number>>> = { float16: 0.02, int8: 0.05 };
/** Of the kinds that a member has, after twelve rounds; by chance it would be 0.1. */
const LEAST = 0.4;
/** Whoever adds noise to what a hundred members say, and what goes on in turns of one member. */
const LEAST_OF: Readonly<Record<string, number>> = { 'fedAvg private': 0.12, split: 0.2 };

/** `own`: the share of its own kinds that a member reads rightly; `cost`: how much less that is than without a codec. */
export function fits(
  strategy: string,
  codec: CodecName,
  { own, cost, share }: { readonly own: number; readonly cost: number; readonly share: number },
): boolean {
  const least = codec === 'topk' ? 0.15 : (LEAST_OF[strategy] ?? LEAST);
  return own >= least && cost <= (MOST_COST[codec] ?? 1) && share <= (MOST_BYTES[codec] ?? 1);
}
