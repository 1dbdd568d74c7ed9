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
  type Tensor,
  type Value,
  weightedMean,
  when,
} from '../../dsl/index.ts';
import { initial, type Spec, states } from '../../dsl/nn/index.ts';
import { zerosLike } from '../../dsl/optim/index.ts';
import { type Combine, check } from '../aggregators/combine.ts';
import type { Local } from './local.ts';
import { type Masking, maskedMean } from './masked.ts';
import {
  type Count,
  flat,
  group,
  mapped,
  only,
  type Scalar,
  type Task,
  type Variables,
  type Weight,
  type Weights,
} from './task.ts';

/** How a round went, while it is recorded. */
export interface Report {
  readonly round: Count;
  /** What the server has after it. */
  readonly weights: Weights;
  /** Of the clients' steps, in the mean; of the round before where nobody answered. */
  readonly loss: Scalar;
  /** Where the clients score what they have themselves. */
  readonly score?: Scalar;
}

/** Of a round, at the server; missing with too few answers. */
export interface Turnout {
  readonly senders: Value<'string', [number], string>;
  readonly missing: Value<'string', [number], string>;
  /** In the senders' order. */
  readonly losses: Value<'float32', [number], string>;
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
  /** What clients have of the server's values, which `name` tells apart; such as by a `delta`. Default: all of them, in `codec`. */
  readonly brings?: (values: Weights, name: string) => Weights;
  /** What the answers are together. Default: their mean, weighted by how many records each client has. */
  readonly combine?: Combine;
  /** Answers are masked, and only their weighted mean is seen; not with `pick`, `answers` and `combine`. */
  readonly masked?: Masking;
  /** What a client sends of what it came to; such as clipped, or with feedback of what its codec lost. Default: all of it. */
  readonly sends?: (own: Weights, round: Count) => Weights;
  /** Scores the server's parameters after each round on so many records of its data source `test`, so many at once. */
  readonly test?: { readonly records: number; readonly atOnce?: number };
  /** A score after which no round follows. */
  readonly target?: number;
  /** Told who answered and who did not, and with which losses: for a selector that picks by it. Not with `masked`. */
  readonly turnout?: (told: Turnout) => void;
  /** What else is told of a round. */
  readonly report?: (report: Report) => void;
}

/** The clients of a round. */
export const taking = ({ clients, pick }: Federation): Place<string> =>
  pick === undefined ? clients.each : clients.some(pick);

/** The clients' own records. */
export const recordsOf = ({ fields }: Pick<Task, 'fields'>, clients: Cohort): DataSource<Fields, string> =>
  dataSource('train', { at: clients.each as Place<string>, fields });

/** What parameters start as: the same wherever it is asked for. */
export const startOf = ({ parameters, seed }: Pick<Task, 'parameters' | 'seed'>): Weights =>
  typeof parameters === 'function' ? (parameters() as Weights) : (initial(parameters, seed) as Weights);

/** The parameters, or those of them that are wanted, where they are kept. The keys of their states have the prefix. */
export const heldAt = (
  { parameters, seed }: Pick<Task, 'parameters' | 'seed'>,
  at: Place<string>,
  wanted: (name: string) => boolean = () => true,
  prefix = '',
): Variables => {
  const all = typeof parameters === 'function' ? parameters() : parameters;
  const named = Object.entries(only<Spec | Tensor>(all, wanted)).map(([name, one]) => [
    `${prefix}${name}`,
    one,
  ]);
  const made = states(Object.fromEntries(named), { at, seed }) as Variables;
  return Object.fromEntries(Object.entries(made).map(([name, one]) => [name.slice(prefix.length), one]));
};

/** A state like each of the parameters, `NAME.PARAMETER`, of zeros at first. */
export const zerosAt = (name: string, like: Weights, at: Place<string>): Variables =>
  mapped(like, (one, own) => state(`${name}.${own}`, zerosLike(one) as Weight, { at }));

/** The server's values at the clients of a round. */
export function sent(
  weights: Weights,
  to: Place<string>,
  { codec, brings }: Pick<Federation, 'codec' | 'brings'>,
  name = 'model',
): Weights {
  if (brings !== undefined) return brings(weights, name);
  if (codec === undefined) return weights;
  return mapped(weights, (one) => one.broadcast(to as Place<'some.each'>, { codec }));
}

/** What a client answers: groups of values that are like the parameters, the loss on the way, and how much it counts. */
export interface Answer<Group extends string> {
  readonly groups: Readonly<Record<Group, Weights>>;
  readonly loss: Scalar;
  /** Default: as much as every other. */
  readonly count?: Count;
  /** What else is told of it, a scalar. */
  readonly note?: Scalar;
}

export interface Gathered {
  /** `GROUP/NAME`, stacked. */
  readonly rows: Weights;
  readonly counts: Value<'int64', [number], string>;
  /** Where the clients tell something else. */
  readonly notes: Value<'float32', [number], string> | undefined;
  /** In the mean; missing with too few answers. */
  readonly loss: Scalar;
}

/** What the clients of a round answered. */
export function gathered(
  { answers = {}, combine = weightedMean, masked, turnout, sends = (own) => own }: Federation,
  round: Count,
  at: Place<string>,
  answer: () => Answer<string>,
): Gathered {
  check('masked', masked === undefined, 'this strategy needs answers one by one');
  const sending = on(at, () => {
    const { groups, loss, count = constant(1n, int64) as Count, note } = answer();
    return {
      ...sends(flat(groups), round),
      loss,
      count,
      ...((note && { note }) as { readonly note: Scalar }),
    };
  });
  const all = collect(sending, answers);
  const { count: counts, loss: losses, note: notes, senders, missing, ...rows } = all;
  turnout?.({ senders, missing, losses });
  // Whoever lies may do so about its loss.
  return { rows, counts, notes, loss: combine({ loss: losses }, counts).loss };
}

/** What the clients of a round answered, as one; declined with too few. */
export function combined<Group extends string>(
  federation: Federation,
  round: Count,
  at: Place<string>,
  answer: () => Answer<Group>,
): Readonly<Record<Group, Weights>> & { readonly loss: Scalar; readonly note?: Scalar } {
  const { made, ...told } = meanOf(federation, round, at, answer);
  const names = new Set(Object.keys(made).map((key) => key.split('/')[0]!));
  const groups = Object.fromEntries([...names].map((name) => [name, group(made, name)]));
  return { ...groups, ...told } as never;
}

function meanOf(federation: Federation, round: Count, at: Place<string>, answer: () => Answer<string>) {
  const { combine = weightedMean, masked } = federation;
  if (masked !== undefined) return maskedMean({ ...federation, masked }, round, answer);
  const { rows, counts, notes, loss } = gathered(federation, round, at, answer);
  const made = when(combine(rows, counts), loss.present());
  return { made, loss, ...(notes && { note: weightedMean(notes, counts) }) };
}

/** Tells how the round went, and begins the next. */
export function nextRound(task: Task, federation: Federation, report: Report): void {
  const { rounds, target } = federation;
  const { round } = report;
  const score = tellRound(task, federation, report);
  const goesOn = round.less(BigInt(rounds - 1));
  const isShort = target === undefined || score === undefined ? undefined : score.less(target);
  next('round', { round: round.add(1n) }).when(isShort === undefined ? goesOn : goesOn.and(isShort));
}

/** Tells how the round went, and gives its score. */
export function tellRound(
  task: Task,
  federation: Federation,
  { round, weights, loss, score: told }: Report,
): Scalar | undefined {
  const { server, report } = federation;
  const before = state('loss', constant(0), { at: server });
  const lost = loss.orElse(before.read()) as Scalar;
  before.assign(lost);
  output('loss', lost);
  const score = told ?? scored(task, federation, weights);
  if (score !== undefined) output('score', score);
  report?.({ round, weights, loss: lost });
  return score;
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
