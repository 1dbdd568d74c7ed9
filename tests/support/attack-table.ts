// Aggregators under attack: who lies how, and in which setting. The same setting and the same attacks for all of them.

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
/** All 60,000 digits among them, each its own once in a round; scored on all that nobody has seen. */
export const setting: Setting = {
  clients: N,
  each: 4000,
  rounds: 10,
  steps: 40,
  batch: 100,
  test: 10_000,
  rate: 0.3,
};

interface Aggregator {
  /** As many attackers as it can be set for, or less than half. */
  readonly most: number;
  /** Is told how many attackers to expect. */
  readonly told?: true;
  readonly of: (f: number) => Combine;
}
export const aggregators: Readonly<Record<string, Aggregator>> = {
  mean: { most: 7, of: () => weightedMean },
  median: { most: 7, of: () => median() },
  trimmedMean: { most: 7, told: true, of: (f) => trimmedMean({ f }) },
  geometricMedian: { most: 7, of: () => geometricMedian() },
  krum: { most: 6, told: true, of: (f) => krum({ f }) },
  multiKrum: { most: 6, told: true, of: (f) => multiKrum({ f, m: N - f - 2 }) },
  bulyan: { most: 3, told: true, of: (f) => bulyan({ f }) },
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
export const BACKDOOR = 'backdoor, scaled by n/f';
const door = { image: 'image', label: 'label', target: 7 };

export const attacks: Readonly<Record<string, Attack>> = {
  'sign flip, tenfold': telling(signFlip(10)),
  'scaling, a hundredfold': telling(scaling(100)),
  'NaN and infinities': telling(scaling(Number.POSITIVE_INFINITY)),
  'collusion: all send the same noise': telling(sameNoise(0.5)),
  'inner product, ε = 10': plotting(innerProduct(10)),
  'inner product, ε = 0.5': plotting(innerProduct(0.5)),
  'a little is enough, z = 1.5': plotting(aLittle(1.5)),
  'label flip': (f, combine) => ({ combine, f, poison: (source) => labelFlip(source, 'label', 10) }),
  'free rider': telling(freeRider()),
  'replay of the first round': telling(replay(cohort('client').each)),
  // As far as it takes to replace the model in a mean.
  [BACKDOOR]: (f, combine) => ({
    combine,
    f,
    poison: (source) => backdoor(source, { ...door, every: 2 }),
    sends: lying(scaling(N / f), f),
  }),
};

/** The share of unseen digits read rightly where the first `f` members attack; of `attack` undefined nobody does. */
export function accuracyUnder(
  backend: Backend,
  aggregator: string,
  attack: string | undefined,
  f: number,
): Promise<number> {
  const combine = aggregators[aggregator]!.of(f);
  const attacked = attack === undefined ? { combine } : attacks[attack]!(f, combine);
  return accuracyAfter({ backend, setting, ...attacked });
}

/** The share of unseen digits with the pattern that are read as the target; a tenth of them are it. */
export function doorOpenFor(backend: Backend, aggregator: string, f: number): Promise<number> {
  const attacked = attacks[BACKDOOR]!(f, aggregators[aggregator]!.of(f));
  return accuracyAfter({ backend, setting, ...attacked, test: (source) => backdoor(source, door) });
}
