// What the comparison of strategies must come to at least.

import type { CodecName } from '../../cli/bench/codecs.ts';

type Limits = Readonly<Partial<Record<CodecName, number>>>;

/** Shares of the bytes without a codec, headers included. */
const MOST_BYTES: Limits = { float16: 0.55, int8: 0.3, topk: 0.06 };
/** Of many small messages headers are more, and labels and counts, which cross as they are. */
const MOST_BYTES_SPLIT: Limits = { float16: 0.7, int8: 0.5, topk: 0.25 };
/** Messages of a few dozen numbers, which their headers outweigh. */
const MOST_BYTES_SMALL: Limits = { float16: 0.85, int8: 0.75, topk: 0.65 };
/** What a codec may cost of what is read rightly: rounding next to nothing, a hundredth of the numbers more. */
const MOST_COST: Limits = { float16: 0.02, int8: 0.05 };
/** Of the kinds that a member has, after twelve rounds; by chance it would be 0.1. */
const LEAST: Readonly<Record<CodecName, number>> = { none: 0.5, float16: 0.5, int8: 0.5, topk: 0.3 };
/** Of a batch's features a hundredth teaches next to nothing; an all-reduce, of which there are four, tells a hundredth twice over. */
const LEAST_OF_FEW: Readonly<Record<string, number>> = {
  'splitFed v2': 0,
  'split U': 0,
  'diLoCo all-reduce': 0.2,
};

/** `own`: the share of its own kinds that a member reads rightly; `cost`: how much less that is than without a codec. */
export function fits(
  strategy: string,
  codec: CodecName,
  { own, cost, share }: { readonly own: number; readonly cost: number; readonly share: number },
): boolean {
  const most = limitsOf(strategy)[codec] ?? 1;
  const least = (codec === 'topk' ? LEAST_OF_FEW[strategy] : undefined) ?? LEAST[codec];
  return own >= least && cost <= (MOST_COST[codec] ?? 1) && share <= most;
}

const limitsOf = (strategy: string): Limits => {
  if (strategy.startsWith('split')) return MOST_BYTES_SPLIT;
  return strategy.endsWith('all-reduce') ? MOST_BYTES_SMALL : MOST_BYTES;
};
