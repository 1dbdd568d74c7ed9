// Aggregators under attack, each told how many attackers to expect: who lies how, and for how many of them each is stated.

import { cohort, weightedMean } from '../../dsl/index.ts';
import type { Backend } from '../../runtime/index.ts';
import {
  bulyan,
  type Combine,
  clippedMean,
  cosineScreened,
  geometricMedian,
  krum,
  median,
  multiKrum,
  trimmedMean,
} from '../../stdlib/aggregators/index.ts';
import { type Attacked, accuracyAfter, type Setting } from './attacked-digits.ts';
import {
  aLittle,
  backdoor,
  freeRider,
  innerProduct,
  type Lie,
  labelFlip,
  lying,
  type Plot,
  plotted,
  replay,
  sameNoise,
  scaling,
  signFlip,
} from './poisoning.ts';

/** Fifteen members: as many as Bulyan takes for three attackers, and Krum for six. */
export const N = 15;
export const setting: Setting = {
  clients: N,
  each: 1000,
  rounds: 8,
  steps: 10,
  batch: 50,
  test: 3000,
  rate: 0.3,
};

/** An aggregator set for so many attackers; at most as many as it can be set for. */
export const aggregators: Readonly<
  Record<string, { readonly most: number; readonly of: (f: number) => Combine }>
> = {
  mean: { most: 0, of: () => weightedMean },
  median: { most: 7, of: () => median() },
  trimmedMean: { most: 7, of: (f) => trimmedMean({ f }) },
  geometricMedian: { most: 7, of: () => geometricMedian() },
  krum: { most: 6, of: (f) => krum({ f }) },
  multiKrum: { most: 6, of: (f) => multiKrum({ f, m: N - f - 2 }) },
  bulyan: { most: 3, of: (f) => bulyan({ f }) },
  clippedMean: { most: 7, of: () => clippedMean({ norm: 'median' }) },
  cosineScreened: { most: 7, of: () => cosineScreened({ least: 0 }) },
};

type Attack = (f: number, combine: Combine) => Omit<Attacked, 'backend'>;
const telling =
  (lie: Lie): Attack =>
  (f, combine) => ({ combine, sends: lying(lie, f) });
const plotting =
  (plot: Plot): Attack =>
  (f, combine) => ({ combine: plotted(plot, f, combine) });
const door = { image: 'image', label: 'label', target: 7 };

export const attacks: Readonly<Record<string, Attack>> = {
  'sign flip': telling(signFlip(10)),
  scaling: telling(scaling(100)),
  'not finite': telling(scaling(Number.POSITIVE_INFINITY)),
  collusion: telling(sameNoise(0.5)),
  'inner product 10': plotting(innerProduct(10)),
  'inner product 0.5': plotting(innerProduct(0.5)),
  'a little': plotting(aLittle(1.5)),
  'label flip': (f, combine) => ({ combine, f, poison: (source) => labelFlip(source, 'label', 10) }),
  'free rider': telling(freeRider()),
  replay: telling(replay(cohort('client').each)),
  // As far as it takes to replace the model in a mean.
  backdoor: (f, combine) => ({
    combine,
    f,
    poison: (source) => backdoor(source, { ...door, every: 2 }),
    sends: lying(scaling(N / f), f),
  }),
};

/** The share of unseen digits read rightly where the first `f` members attack; of `attack` undefined nobody does. */
export async function accuracyUnder(
  backend: Backend,
  aggregator: string,
  attack: string | undefined,
  f: number,
): Promise<number> {
  const { most, of } = aggregators[aggregator]!;
  const combine = of(Math.min(f, most));
  const attacked = attack === undefined || f === 0 ? { combine } : attacks[attack]!(f, combine);
  return accuracyAfter({ backend, setting, ...attacked });
}

/** The share of unseen digits with the pattern that are read as the target; a tenth of them are it. */
export async function doorOpenFor(backend: Backend, aggregator: string, f: number): Promise<number> {
  const { most, of } = aggregators[aggregator]!;
  const attacked = attacks.backdoor!(f, of(Math.min(f, most)));
  return accuracyAfter({ backend, setting, ...attacked, test: (source) => backdoor(source, door) });
}
