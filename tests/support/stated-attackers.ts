// For how many attackers of fifteen each aggregator is stated, as docs/aggregators.md has it.

/** Attacks that are made to break a mean do so with as many as Bulyan can be set for. */
export const EVERYBODY = 3;

type Stated = Readonly<Record<string, number>> & { readonly else: number };

export const stated: Readonly<Record<string, Stated>> = {
  mean: { else: 0, 'inner product 0.5': 3, 'a little': 7, 'label flip': 2, 'free rider': 5, replay: 3 },
  median: {
    else: 7,
    'sign flip': 4,
    'inner product 10': 5,
    'inner product 0.5': 5,
    'label flip': 6,
    'free rider': 5,
    replay: 5,
  },
  trimmedMean: {
    else: 7,
    'sign flip': 4,
    'inner product 10': 4,
    'inner product 0.5': 5,
    'label flip': 5,
    'free rider': 5,
    replay: 4,
  },
  geometricMedian: {
    else: 7,
    'sign flip': 5,
    'inner product 10': 5,
    'inner product 0.5': 5,
    'label flip': 6,
    'free rider': 5,
    replay: 5,
    backdoor: 1,
  },
  krum: { else: 6, 'inner product 0.5': 2, 'a little': 1, 'free rider': 0, replay: 1 },
  multiKrum: { else: 6, 'inner product 0.5': 3, 'a little': 5, 'free rider': 4 },
  bulyan: { else: 3 },
  clippedMean: {
    else: 7,
    'sign flip': 2,
    collusion: 5,
    'inner product 10': 1,
    'inner product 0.5': 3,
    'label flip': 4,
    'free rider': 4,
    replay: 5,
    backdoor: 1,
  },
  cosineScreened: {
    else: 5,
    'inner product 0.5': 6,
    'sign flip': 4,
    scaling: 0,
    'not finite': 7,
    collusion: 0,
    'a little': 7,
    'label flip': 4,
    'free rider': 4,
    replay: 3,
    backdoor: 0,
  },
};
