// What strategies without a server have in common: who their members are, and whose values each mixes with its own.

import {
  type Cohort,
  concat,
  constant,
  type ExchangeOptions,
  exchange,
  float32,
  self,
  type Value,
} from '../../dsl/index.ts';
import type { Local } from './local.ts';
import { type Count, mapped, type Scalar, type Weight, type Weights } from './task.ts';

/** `[i][j]`: what member i counts the value of member j for, both in the order of their class; 0: they are no neighbours. */
export type Matrix = readonly (readonly number[])[];

export interface Peers {
  readonly peers: Cohort;
  readonly rounds: number;
  /** What a member does by itself in a round. Default: nothing, it only mixes. */
  readonly local?: Local;
  /** By turns, one for each round. */
  readonly mixing: readonly Matrix[];
  /** How long neighbours are waited for, and how values are encoded. */
  readonly answers?: Pick<ExchangeOptions, 'within' | 'codec' | 'vouched'>;
  /** What else is told of a round, at each member. */
  readonly report?: (report: { readonly weights: Weights; readonly round: Count }) => void;
}

/** One value for each neighbour. */
type Shares = Value<'float32', [number], string>;
type Ids = Value<'string', [number], string>;

export interface Neighbours {
  /** To whom this member's value goes, and the share of it that each gets. */
  readonly to: Ids;
  readonly given: Shares;
  readonly from: Ids;
  /** What it counts values of the others for. */
  taken(senders: Ids): Shares;
  /** The share of its own that it keeps. */
  readonly kept: Scalar;
}

/** Of the member that asks, in a round. */
export function neighboursIn({ peers, mixing }: Pick<Peers, 'peers' | 'mixing'>, round: Count): Neighbours {
  const [n, turn] = [mixing[0]!.length, round.mod(BigInt(mixing.length))];
  const table = (rows: readonly Matrix[]) =>
    constant(Float32Array.from(rows.flat(2)), float32, [rows.length, n, n]);
  const transposed = mixing.map((matrix) => matrix.map((_, j) => matrix.map((row) => row[j]!)));
  const view = peers.view();
  const me = self().positionsIn(view);
  const mine = (rows: readonly Matrix[]): Shares => table(rows).gather(turn).gather(me).reshape([n]);
  const [taken, given] = [mine(mixing), mine(transposed)];
  const among = (shares: Shares): Ids =>
    view.gather(shares.equal(0).not().nonZero().reshape([-1])).without(self()) as Ids;
  const [to, from] = [among(given), among(taken)];
  return {
    to,
    given: given.gather(to.positionsIn(view)),
    from,
    taken: (senders) => taken.gather(senders.positionsIn(view)),
    kept: given.gather(me).reshape([]) as Scalar,
  };
}

/**
 * What a member has, mixed with what its neighbours have: the sum of shares · values. What a neighbour counts that does not
 * answer, its own value counts besides. `mine`: what its own value is, where that is not what it sends.
 */
export function mixed(
  weights: Weights,
  near: Neighbours,
  { answers }: Pick<Peers, 'answers'>,
  mine = weights,
): Weights {
  const { to, from } = near;
  const { senders, missing, ...rows } = exchange(weights, { ...answers, atLeast: 0, among: { to, from } });
  const shares = near.taken(senders);
  const own = constant(1).sub(shares.reduceSum({ keepdims: false }));
  return mapped(rows as Weights, (all, name) =>
    weighted(all, shares, weights[name]!).add(mine[name]!.mul(own)),
  );
}

/** A row for each share: so many times the value. */
export const shared = (value: Weight, shares: Shares): Weight =>
  shares
    .unsqueeze([1])
    .matmul(value.reshape([1, -1]))
    .reshape(concat([shares.shape(), value.shape()], { axis: 0 })) as Weight;

/** The sum of rows, each so many times, in the shape of what each is like. */
const weighted = (rows: Weight, shares: Shares, like: Weight): Weight =>
  shares
    .unsqueeze([0])
    .matmul(rows.flatten({ axis: 1 }))
    .reshape(like.shape()) as Weight;
