// Two tiers (hierarchical federated averaging; Liu et al. 2020, arXiv:1905.06641, algorithm 1): each head averages with its own
// clients often, and the server averages the heads, which are far away, seldom.

import {
  type Cohort,
  type CollectOptions,
  collect,
  entry,
  type Module,
  module,
  on,
  orElse,
  type Place,
  self,
  type Tensor,
  type Value,
  weightedMean,
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { combined, type Federation, heldAt, nextRound, recordsOf } from './federation.ts';
import { descend } from './local.ts';
import { type Count, minus, plus, type Scalar, type Task, type Weights } from './task.ts';

export interface Tiered extends Omit<Federation, 'pick'> {
  readonly heads: Cohort;
  /** How often a head averages before it tells the server. */
  readonly often: number;
  /** How long a head waits for its clients, counted from the start of the round, by how many rounds of its own it has made. */
  readonly within?: CollectOptions<string>['within'];
  /** What a client tells its head of what it came to in a turn, as `sends` is for heads and the server. Default: all of it. */
  readonly tells?: (own: Weights, turn: number) => Weights;
}

export const hierarchical = (
  task: Task,
  { heads, often, within, tells = (own) => own, ...federation }: Tiered,
): Module =>
  module('hierarchical', () => {
    const { server, clients, local } = federation;
    const held = heldAt(task, server);
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const start = read(held);
      const upper = { ...federation, clients: heads };
      const { moved, loss } = combined(upper, round, heads.each as Place<string>, () => {
        const mine = clients.some(shareOf(clients.view(), heads.view())) as Place<string>;
        let at: { weights: Weights; loss: Scalar; count: Count } | undefined;
        for (let turn = 0; turn < often; turn++) {
          const from = at?.weights ?? start;
          const step = round.mul(BigInt(often)).add(BigInt(turn));
          const answers = on(mine, () => {
            const { moved, loss } = descend(task, local, records, step, from);
            return { ...tells(moved, turn), loss, count: records.size() };
          });
          const { count, loss, senders, missing, ...rows } = collect(answers, {
            within,
            at: heads.each,
          } as never);
          at = {
            weights: orElse(plus(from, weightedMean(rows, count) as Weights), from),
            loss: weightedMean(loss, count),
            count: count.reduceSum({ keepdims: false }),
          };
        }
        return { groups: { moved: minus(at!.weights, start) }, loss: at!.loss, count: at!.count };
      });
      // Without all heads a round changes nothing.
      const weights = update(held, (latest) => orElse(plus(latest, moved), latest));
      nextRound(task, federation, { round, weights, loss });
    });
  });

type Ids = Value<'string', [number], string>;
/** Of all clients in their order, as many as every other head has: the clients of the member that asks. */
function shareOf(clients: Ids, heads: Ids): Tensor<'string'> {
  const me = self().positionsIn(heads);
  const at = clients.positionsIn(clients).mul(heads.size()).div(clients.size());
  return clients.compress(at.equal(me), { axis: 0 });
}
