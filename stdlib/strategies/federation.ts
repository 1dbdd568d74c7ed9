// What strategies with a server have in common: who takes part in a round, how their answers become one, and the next round.

import {
  type Cohort,
  type CollectOptions,
  collect,
  constant,
  type DataSource,
  dataSource,
  type Fields,
  int64,
  next,
  on,
  output,
  type Picker,
  type Place,
  scan,
  state,
  type Value,
  weightedMean,
  when,
} from '../../dsl/index.ts';
import { states } from '../../dsl/nn/index.ts';
import { zerosLike } from '../../dsl/optim/index.ts';
import type { Local } from './local.ts';
import {
  type Count,
  flat,
  group,
  mapped,
  type Scalar,
  type Task,
  type Variables,
  type Weight,
  type Weights,
} from './task.ts';

/** Rows of all who answered, by name, and how much each counts; see `weightedMean`. */
export type Combine = (rows: Weights, counts: Value<'int64', [number], string>) => Weights;

/** How a round went, while it is recorded. */
export interface Report {
  readonly round: Count;
  /** What the server has after it. */
  readonly weights: Weights;
  /** Of the clients' steps, in the mean; of the round before where nobody answered. */
  readonly loss: Scalar;
}

export interface Federation {
  readonly server: Place<string>;
  readonly clients: Cohort;
  readonly rounds: number;
  readonly local: Local;
  /** Who takes part in a round. Default: every client. */
  readonly pick?: Picker;
  /** How long answers are waited for, how many are enough, and how they are encoded. */
  readonly answers?: Pick<CollectOptions<string>, 'within' | 'atLeast' | 'enough' | 'codec' | 'vouched'>;
  /** How what the server sends is encoded. */
  readonly codec?: CollectOptions<string>['codec'];
  /** What the answers are together. Default: their mean, weighted by how many records each client has. */
  readonly combine?: Combine;
  /** What a client sends of what it came to; such as clipped, or with feedback of what its codec lost. Default: all of it. */
  readonly sends?: (own: Weights, round: Count) => Weights;
  /** Scores the server's parameters after each round on so many records of its data source `test`, so many at once. */
  readonly test?: { readonly records: number; readonly atOnce?: number };
  /** A score after which no round follows. */
  readonly target?: number;
  /** What else is told of a round. */
  readonly report?: (report: Report) => void;
}

/** The clients of a round. */
export const taking = ({ clients, pick }: Federation): Place<string> =>
  pick === undefined ? clients.each : clients.some(pick);

/** The clients' own records. */
export const recordsOf = ({ fields }: Task, clients: Cohort): DataSource<Fields, string> =>
  dataSource('train', { at: clients.each as Place<string>, fields });

/** The parameters, where they are kept. */
export const heldAt = ({ parameters, seed }: Task, at: Place<string>): Variables =>
  states(typeof parameters === 'function' ? parameters() : parameters, { at, seed }) as Variables;

/** A state like each of the parameters, `NAME.PARAMETER`, of zeros at first. */
export const zerosAt = (name: string, like: Weights, at: Place<string>): Variables =>
  mapped(like, (one, own) => state(`${name}.${own}`, zerosLike(one) as Weight, { at }));

/** The server's values at the clients of a round. */
export const sent = (weights: Weights, to: Place<string>, { codec }: Federation): Weights =>
  codec === undefined
    ? weights
    : mapped(weights, (one) => one.broadcast(to as Place<'some.each'>, { codec }));

/** What a client answers: groups of values that are like the parameters, the loss on the way, and how much it counts. */
export interface Answer<Group extends string> {
  readonly groups: Readonly<Record<Group, Weights>>;
  readonly loss: Scalar;
  /** Default: as much as every other. */
  readonly count?: Count;
}

/** What the clients of a round answered, as one; declined with too few. */
export function combined<Group extends string>(
  { answers = {}, combine = weightedMean, sends = (own) => own }: Federation,
  round: Count,
  at: Place<string>,
  answer: () => Answer<Group>,
): Readonly<Record<Group, Weights>> & { readonly loss: Scalar } {
  const sending = on(at, () => {
    const { groups, loss, count = constant(1n, int64) as Count } = answer();
    return { ...sends(flat(groups), round), loss, count };
  });
  const { count: counts, loss: losses, senders, missing, ...rows } = collect(sending, answers);
  const loss = weightedMean(losses, counts);
  const made = when(combine(rows, counts), loss.present());
  const names = new Set(Object.keys(made).map((key) => key.split('/')[0]!));
  return { ...Object.fromEntries([...names].map((name) => [name, group(made, name)])), loss } as never;
}

/** Tells how the round went, and begins the next. */
export function nextRound(task: Task, federation: Federation, { round, weights, loss }: Report): void {
  const { server, rounds, target, report } = federation;
  const before = state('loss', constant(0), { at: server });
  const lost = loss.orElse(before.read()) as Scalar;
  before.assign(lost);
  output('loss', lost);
  const score = scored(task, federation, weights);
  if (score !== undefined) output('score', score);
  report?.({ round, weights, loss: lost });
  const goesOn = round.less(BigInt(rounds - 1));
  const isShort = target === undefined || score === undefined ? undefined : score.less(target);
  next('round', { round: round.add(1n) }).when(isShort === undefined ? goesOn : goesOn.and(isShort));
}

/** The mean score over the server's own records. */
function scored({ score, fields }: Task, { server, test }: Federation, weights: Weights): Scalar | undefined {
  if (score === undefined || test === undefined) return undefined;
  const { records, atOnce = records } = test;
  const source = dataSource('test', { at: server, fields });
  return on(server, () => {
    const parts = mapped(source.batch(0, records), (one, name) =>
      one.reshape([-1, atOnce, ...(fields[name]![1].slice(1) as readonly number[])]),
    );
    const { of } = scan({}, parts, (_, part) => ({ of: score(weights, part) }));
    return of.reduceMean({ keepdims: false });
  }) as Scalar;
}
