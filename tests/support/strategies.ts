// Every strategy over the small task of points, at whatever size.

import { cohort, type Module } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { key } from '../../dsl/random/index.ts';
import { withFeedback } from '../../stdlib/codecs/graph.ts';
import {
  type AllReduced,
  chocoSgd,
  clustered,
  diLoCo,
  diLoCoAllReduce,
  dPsgd,
  type Federation,
  fedAdagrad,
  fedAdam,
  fedAvg,
  fedBuff,
  fedOpt,
  fedProx,
  fedYogi,
  type Gossip,
  gossip,
  hierarchical,
  type Matrix,
  overlapped,
  type Peers,
  personalised,
  pushSum,
  type SplitFed,
  scaffold,
  split,
  splitFed,
  uSplit,
} from '../../stdlib/strategies/index.ts';
import { blobs, clients, cutBlobs, server, uBlobs } from './blobs.ts';
import { draw } from './programs/pick.ts';

export interface Size {
  /** At least two. */
  readonly clients: number;
  readonly rounds: number;
  /** How long answers are waited for. */
  readonly within: `${number}s`;
  /** How many of them are needed; default: of everybody. */
  readonly atLeast?: number;
  /** How they are encoded. */
  readonly codec?: 'float16' | 'int8' | 'top-k';
}

export interface Strategy {
  readonly of: (size: Size) => Module;
  /** Of the peers besides clients: how many of each class. */
  readonly besides: Readonly<Record<string, number>>;
  /** Nobody calls it: whether its flows come to an end. */
  readonly byItself?: 'ends' | 'goes on';
}

const heads = cohort('head');
const optimizer = sgd({ lr: 0.2 });
const local = { optimizer, steps: 2, batch: 8 };

const answersOf = ({ within, atLeast, codec }: Size) => ({
  within,
  ...(atLeast !== undefined && { atLeast }),
  ...(codec !== undefined && {
    codec: codec === 'top-k' ? ({ kind: 'top-k', share: 0.25 } as const) : codec,
  }),
});

const federated = (of: (federation: Federation) => Module): Strategy => ({
  of: (size) => of({ server, clients, rounds: size.rounds, local, answers: answersOf(size) }),
  besides: { server: 1 },
});

const cutIn = ({ rounds }: Size) => ({ server, clients, rounds, optimizer, steps: 2, batch: 8 });
const splitFederated = (learns: SplitFed['learns'], more: Partial<SplitFed> = {}): Strategy => ({
  of: (size) => splitFed(cutBlobs, { ...cutIn(size), learns, answers: answersOf(size), ...more }),
  besides: { server: 1 },
});

/** Everybody counts the next one around a ring as much as itself. */
const ring = (count: number): Matrix =>
  Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => (j === i || j === (i + 1) % count ? 0.5 : 0)),
  );
const mixing = (of: (peers: Peers) => Module): Strategy => ({
  of: (size) => {
    const { atLeast, ...answers } = answersOf(size);
    return of({ peers: clients, rounds: size.rounds, local, mixing: [ring(size.clients)], answers });
  },
  besides: {},
});

const allReduced = (more: Partial<AllReduced>): Strategy => ({
  of({ rounds }) {
    const steps = { ...local, optimizer: adamw({ lr: 0.01 }) };
    return diLoCoAllReduce(blobs, { peers: clients, rounds, local: steps, ...more });
  },
  besides: {},
});
const gossiped = (more: Partial<Gossip>): Strategy => ({
  of: () =>
    gossip(blobs, {
      peers: clients,
      every: '300ms',
      local,
      tells: { pick: (others) => others.first() },
      ...more,
    }),
  besides: {},
  byItself: 'goes on',
});

export const strategies = {
  fedAvg: federated((one) => fedAvg(blobs, one)),
  'fedAvg of some': federated((one) => fedAvg(blobs, { ...one, pick: draw(key(1), 2) })),
  fedProx: federated((one) => fedProx(blobs, { ...one, mu: 0.1 })),
  fedAdam: federated((one) => fedOpt(blobs, { ...one, optimizer: fedAdam({ lr: 0.1 }) })),
  fedYogi: federated((one) => fedOpt(blobs, { ...one, optimizer: fedYogi({ lr: 0.1 }) })),
  fedAdagrad: federated((one) => fedOpt(blobs, { ...one, optimizer: fedAdagrad({ lr: 0.1 }) })),
  scaffold: federated((one) => scaffold(blobs, { ...one, lr: 0.2, steps: 2 })),
  diLoCo: federated((one) => diLoCo(blobs, { ...one, local: { ...local, optimizer: adamw({ lr: 0.01 }) } })),
  overlapped: federated((one) =>
    overlapped(blobs, { ...one, local: { ...local, optimizer: adamw({ lr: 0.01 }) } }),
  ),
  personalised: federated((one) => personalised(blobs, { ...one, own: (name) => name.startsWith('out.') })),
  clustered: federated((one) => clustered(blobs, { ...one, clusters: 2 })),
  hierarchical: {
    ...federated((one) => hierarchical(blobs, { ...one, heads, often: 2 })),
    besides: { server: 1, head: 2 },
  },
  'fedAvg, masked': {
    of: ({ clients: count, rounds, within }) => {
      const threshold = Math.floor(count / 2) + 1;
      const masked = { threshold, count, most: 8, records: 48, seconds: Number.parseInt(within, 10) };
      return fedAvg(blobs, { server, clients, rounds, local, masked });
    },
    besides: { server: 1 },
  },
  split: { of: (size) => split(cutBlobs, cutIn(size)), besides: { server: 1 } },
  'split, differences': {
    of: (size) => split(cutBlobs, { ...cutIn(size), sends: (own) => own }),
    besides: { server: 1 },
  },
  uSplit: {
    of: (size) => uSplit(uBlobs, { ...cutIn(size), parts: 2, answers: answersOf(size) }),
    besides: { server: 1 },
  },
  'splitFed at once': splitFederated('at once'),
  'splitFed in turn': splitFederated('in turn'),
  'splitFed, differences': splitFederated('at once', {
    sends: (own) => withFeedback('lost', own, { at: clients, codec: 'int8' }),
  }),
  fedBuff: {
    of: ({ rounds, within }) => fedBuff(blobs, { server, clients, local, rounds, buffer: 2, within }),
    besides: { server: 1 },
    byItself: 'ends',
  },
  dPsgd: mixing((one) => dPsgd(blobs, one)),
  pushSum: mixing((one) => pushSum(blobs, one)),
  'pushSum of parts': mixing((one) => pushSum(blobs, { ...one, share: 0.25 })),
  chocoSgd: mixing((one) => chocoSgd(blobs, { ...one, local, codec: 'int8', step: 0.5 })),
  diLoCoAllReduce: allReduced({}),
  'diLoCoAllReduce of parts': allReduced({ share: 0.25 }),
  gossip: gossiped({}),
  'gossip of parts': gossiped({ share: 0.25 }),
} satisfies Readonly<Record<string, Strategy>>;

export type StrategyName = keyof typeof strategies;
export const strategyNames = Object.keys(strategies) as readonly StrategyName[];

/** Of the smallest deployment: two clients, and one of each class besides. */
export const smallest = (name: StrategyName): Readonly<Record<string, number>> => {
  const { besides }: Strategy = strategies[name];
  return { ...Object.fromEntries(Object.keys(besides).map((cls) => [cls, 1])), client: 2 };
};
