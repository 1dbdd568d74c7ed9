// A mean without a server: a reduce-scatter and an all-gather among members who are there, and how those come together again whom
// something that was lost made different.

import {
  type Cohort,
  concat,
  constant,
  type Duration,
  digest,
  exchange,
  float32,
  int64,
  self,
  type Value,
} from '../../dsl/index.ts';
import type { Peers } from './mixing.ts';
import { type Count, mapped, type Weight, type Weights } from './task.ts';

export type Ids = Value<'string', [number], string>;
type Truth = Value<'bool', [], string>;

export interface Reducing {
  readonly peers: Cohort;
  /** How chunks are encoded. */
  readonly codec?: NonNullable<Peers['answers']>['codec'];
  /** How long each is waited for, counted from when a round begins: each comes after the one before. */
  readonly within?: Readonly<Record<'chunks' | 'means' | 'digests' | 'parameters', Duration>>;
}

/** Everybody's mean, chunk by chunk; where one does not come, one's own. `counts`: whether one's own is part of it. */
export function meanOf(
  own: Weights,
  counts: Truth,
  all: Ids,
  among: Ids,
  { codec, within }: Reducing,
): Weights {
  const line = concat(
    Object.values(own).map((one) => one.reshape([-1])),
    { axis: 0 },
  ) as Weight;
  const k = all.size();
  const chunk = line.size().add(k).sub(1n).div(k);
  const fill = chunk.mul(k).sub(line.size());
  const filled = line.pad(concat([constant([0n]), fill.unsqueeze([0])], { axis: 0 })) as Weight;
  // How many there are is known when it runs; a name for it keeps what crosses a matter of the plan.
  const parts = filled
    .reshape(concat([constant([-1n]), chunk.unsqueeze([0])], { axis: 0 }))
    .as(float32, ['workers', 'chunk']);
  const sent = { ...(codec !== undefined && { codec }), among, atLeast: 1 };
  const wait = (what: 'chunks' | 'means') => within && { within: within[what] };
  const mine = exchange({ part: parts.when(counts) }, { ...sent, ...wait('chunks'), rows: true });
  const mean = mine.part.reduceMean({ axes: [0], keepdims: false }).as(float32, ['chunk']);
  const means = exchange({ mean }, { ...sent, ...wait('means') });
  const places = means.senders.positionsIn(all).unsqueeze([1]);
  const full = parts.scatterND(places, means.mean).orElse(parts).reshape([-1]);
  let from = constant(0n, int64) as Count;
  return mapped(own, (one) => {
    const to = from.add(one.size()) as Count;
    const part = full.slice(from.unsqueeze([0]), to.unsqueeze([0])).reshape(one.shape());
    from = to;
    return part as Weight;
  });
}

export interface Agreement {
  /** What the first member of the largest group has, for who is not of it; else missing. */
  readonly taken: Weights;
  readonly differs: Truth;
}

/** Who is not of the largest group of members that have come to the same takes what its first member has. */
export function largestGroup(own: Weights, all: Ids, isIn: Truth, { peers, within }: Reducing): Agreement {
  const line = concat(
    Object.values(own).map((one) => one.reshape([-1])),
    { axis: 0 },
  );
  const mine = digest(line);
  // Who takes no part hears of it too, or it would be rounds ahead.
  const among = { to: peers.view().when(isIn).orElse(all.without(all)), from: all };
  const told = exchange({ mine }, { ...(within && { within: within.digests }), among, atLeast: 1 });
  const sizes = told.mine
    .unsqueeze([1])
    .equal(told.mine.unsqueeze([0]))
    .cast({ to: int64 });
  const first = sizes.reduceSum({ axes: [1], keepdims: false }).argMax({ axis: 0, keepdims: true });
  const theirs = told.mine.gather(first).reshape([]);
  const leader = told.senders.gather(first);
  const others = told.senders.gather(told.mine.equal(theirs).not().nonZero().reshape([-1]));
  const nobody = all.without(all);
  const leads = self().positionsIn(leader).reshape([]).greaterOrEqual(0n);
  const differs = isIn.and(mine.equal(theirs).not().orElse(constant(false)));
  const sets = {
    to: others.when(leads).orElse(nobody),
    from: leader.when(differs).orElse(nobody),
  };
  const wait = within && { within: within.parameters };
  const { senders, missing, ...rows } = exchange(own, { ...wait, among: sets, atLeast: 1 });
  const taken = mapped(rows as Weights, (one) => one.gather(0n).when(differs) as Weight);
  return { taken, differs };
}
