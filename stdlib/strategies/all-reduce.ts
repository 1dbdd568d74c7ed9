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
  orElse,
  self,
  type Tensor,
  type Value,
  where,
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { largest } from '../codecs/graph.ts';
import type { Peers } from './mixing.ts';
import { type Count, mapped, plus, type Variables, type Weight, type Weights } from './task.ts';

export type Ids = Value<'string', [number], string>;
type Truth = Value<'bool', [], string>;

export interface Reducing {
  readonly peers: Cohort;
  /** How chunks are encoded. */
  readonly codec?: NonNullable<Peers['answers']>['codec'];
  /**
   * So large a share of each chunk is told, its largest numbers, and of their mean; what either leaves out is added to what is told
   * in the next round (error feedback at both ends; Tang et al. 2021, arXiv:2102.02888, algorithm 1). For `codec`, or links, in
   * `top-k` of this share. Default: all of it.
   */
  readonly share?: number;
  /** How long each is waited for, counted from when a round begins: each comes after the one before. */
  readonly within?: Readonly<Record<'chunks' | 'means' | 'digests' | 'parameters', Duration>>;
}

/**
 * Everybody's mean, chunk by chunk; where one does not come, one's own. `counts`: whether one's own is part of it. `lost`: with a
 * share, what was left out so far.
 */
export function meanOf(
  own: Weights,
  counts: Truth,
  all: Ids,
  among: Ids,
  { codec, share, within }: Reducing,
  lost: Variables = {},
): Weights {
  const line = lineOf(share === undefined ? own : plus(own, read(lost)));
  const k = all.size();
  const chunk = line.size().add(k).sub(1n).div(k);
  const fill = chunk.mul(k).sub(line.size());
  const filled = line.pad(concat([constant([0n]), fill.unsqueeze([0])], { axis: 0 })) as Weight;
  // How many there are is known when it runs; a name for it keeps what crosses a matter of the plan.
  const parts = filled
    .reshape(concat([constant([-1n]), chunk.unsqueeze([0])], { axis: 0 }))
    .as(float32, ['workers', 'chunk']);
  const some = (value: Weight, rows: boolean): Weight =>
    share === undefined ? value : where(largest(value, share, { rows }), value, constant(0));
  const part = some(parts, true).as(float32, ['workers', 'chunk']);
  const sent = { ...(codec !== undefined && { codec }), among, atLeast: 1 };
  const wait = (what: 'chunks' | 'means') => within && { within: within[what] };
  const mine = exchange({ part: part.when(counts) }, { ...sent, ...wait('chunks'), rows: true });
  const mean = mine.part.reduceMean({ axes: [0], keepdims: false }).as(float32, ['chunk']);
  const told = some(mean, false).as(float32, ['chunk']);
  const means = exchange({ mean: told }, { ...sent, ...wait('means') });
  const places = means.senders.positionsIn(all).unsqueeze([1]);
  const full = parts.scatterND(places, means.mean).orElse(parts);
  if (share !== undefined) {
    const rest = parts.sub(part);
    // Of what a mean leaves out each has its share, and whoever made the mean tells all of it.
    const back = mean.sub(told).mul(mine.senders.size().cast({ to: float32 }));
    const at = self().positionsIn(all).unsqueeze([1]);
    const left = rest
      .scatterND(at, back.unsqueeze([0]), { reduction: 'add' })
      .orElse(rest)
      .when(counts);
    update(lost, (latest) => orElse(unlined(left, own), latest));
  }
  return unlined(full, own);
}

const lineOf = (all: Weights): Weight =>
  concat(
    Object.values(all).map((one) => one.reshape([-1])),
    { axis: 0 },
  ) as Weight;

/** Parameters whose numbers stand one behind the other, in the shapes of these. */
function unlined(line: Tensor<'float32'>, like: Weights): Weights {
  const numbers = line.reshape([-1]);
  let from = constant(0n, int64) as Count;
  return mapped(like, (one) => {
    const to = from.add(one.size()) as Count;
    const part = numbers.slice(from.unsqueeze([0]), to.unsqueeze([0])).reshape(one.shape());
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
  const mine = digest(lineOf(own));
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
  // Whole, whatever the link says: who takes what is nearly the same differs again.
  const { senders, missing, ...rows } = exchange(own, { ...wait, codec: 'raw', among: sets, atLeast: 1 });
  const taken = mapped(rows as Weights, (one) => one.gather(0n).when(differs) as Weight);
  return { taken, differs };
}
