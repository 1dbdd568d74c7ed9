// A round whose answers are masked: the server learns their mean, weighted, and no answer by itself.
//
// Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, 2017: of Σ nᵢxᵢ and Σ nᵢ only sums are seen.

import { constant, on, type Place } from '../../dsl/index.ts';
import { check, checkCount } from '../aggregators/combine.ts';
import { type SecureSumOptions, secureSum } from '../privacy/secure-sum.ts';
import type { Answer, Federation } from './federation.ts';
import { type Count, flat, mapped, type Scalar, type Weight, type Weights } from './task.ts';

export interface Masking extends Pick<SecureSumOptions, 'threshold' | 'seconds' | 'most' | 'count'> {
  /** How many records a client has at most: who has more counts as if it had so many. */
  readonly records: number;
}
/** Scalars that are told beside the answer, such as losses, are clamped to that. */
const TOLD = 16;

/**
 * The weighted mean of what clients answer, each number clamped to ±`most`: off by at most `most · count² · records / (2³⁰ Σ nᵢ)`, as
 * each of `count` is rounded to half a step. Missing where fewer than `threshold` are left, or the sum is not one that so many have.
 * Throws DiagnosticError (BB330) with options that need answers one by one, BB308 for shapes that are not known.
 */
export function maskedMean(
  { masked, server, clients, sends = (own) => own, ...others }: Federation & { readonly masked: Masking },
  round: Count,
  answer: () => Answer<string>,
): { readonly made: Weights; readonly loss: Scalar; readonly note?: Scalar } {
  for (const option of ['pick', 'answers', 'combine', 'turnout'] as const)
    check('masked', others[option] === undefined, `answers are masked, and ${option} is about single ones`);
  const { records, most } = masked;
  checkCount('masked', 'records', records, 1);
  const values = on(clients.each as Place<string>, () => {
    const { groups, loss, count, note } = answer();
    const share =
      count === undefined
        ? constant(1)
        : count
            .cast({ to: 'float32' })
            .div(records)
            .clip({ max: 1 } as never);
    const told = mapped({ loss, ...(note && { note }) }, (one) => one.mul(most / TOLD));
    const all = mapped<Weight, Weight>({ ...sends(flat(groups), round), ...told } as Weights, (one) =>
      one.clip({ min: -most, max: most } as never).mul(share as never),
    );
    return { ...all, share: (share as Scalar).mul(most) };
  }) as Weights;
  const { sum } = secureSum(values, { ...masked, members: clients, at: server, round });
  const { share, ...sums } = sum as Weights;
  const { loss, note, ...made } = on(server, () =>
    mapped(sums as Weights, (one) => one.div(share!).mul(most)),
  ) as Weights;
  const told = (one: Weight): Scalar => on(server, () => one.mul(TOLD / most)) as Scalar;
  return { made, loss: told(loss!), ...(note && { note: told(note) }) };
}
