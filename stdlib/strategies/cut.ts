// What is learnt by a network whose layers are in two places, and what all who learn it so have in common.

import {
  type Cohort,
  type CollectOptions,
  collect,
  concat,
  constant,
  type DataSource,
  type Fields,
  int64,
  next,
  on,
  orElse,
  type Place,
  type Tensor,
  weightedMean,
  when,
} from '../../dsl/index.ts';
import type { Specs, ValuesOf } from '../../dsl/nn/index.ts';
import { type Optimizer, read, update } from '../../dsl/optim/index.ts';
import { heldAt, startOf } from './federation.ts';
import {
  type Count,
  mapped,
  minus,
  plus,
  type Records,
  type Scalar,
  type Variables,
  type Weight,
  type Weights,
} from './task.ts';

/** A network that is cut in two: the first layers are with whoever has the records. */
export interface CutTask {
  readonly first: Specs;
  readonly rest: Specs;
  readonly seed: number;
  readonly fields: Fields;
  /** Fields that go to the server beside the features, such as labels. */
  readonly told: readonly string[];
  /** What the first layers make of a batch. */
  readonly features: (first: Weights, batch: Records) => Weight;
  /** The mean loss over a batch, of its features and of what is told, a scalar. */
  readonly loss: (rest: Weights, features: Weight, told: Records) => Scalar;
}

/** A task that is cut, with the types that its author knows. */
export const cutTaskOf = <const A extends Specs, const B extends Specs, const F extends Fields>(declared: {
  readonly first: A;
  readonly rest: B;
  readonly seed?: number;
  readonly fields: F;
  readonly told: readonly (keyof F & string)[];
  readonly features: (first: ValuesOf<A>, batch: Records<F>) => Weight;
  readonly loss: (rest: ValuesOf<B>, features: Weight, told: Records<F>) => Scalar;
}): CutTask => ({ seed: 0, ...declared }) as unknown as CutTask;

/** A network that is cut twice: whoever has the records has the first layers and the last. */
export interface UTask {
  readonly first: Specs;
  readonly middle: Specs;
  readonly last: Specs;
  readonly seed: number;
  readonly fields: Fields;
  /** What the first layers make of a batch. */
  readonly features: (first: Weights, batch: Records) => Weight;
  /** What the middle layers make of features; as many rows as they have. */
  readonly upper: (middle: Weights, features: Weight) => Weight;
  /** The mean loss over a batch, of what the middle layers made of it, a scalar. */
  readonly loss: (last: Weights, upper: Weight, batch: Records) => Scalar;
}

/** A task that is cut twice, with the types that its author knows. */
export const uTaskOf = <
  const A extends Specs,
  const B extends Specs,
  const C extends Specs,
  const F extends Fields,
>(declared: {
  readonly first: A;
  readonly middle: B;
  readonly last: C;
  readonly seed?: number;
  readonly fields: F;
  readonly features: (first: ValuesOf<A>, batch: Records<F>) => Weight;
  readonly upper: (middle: ValuesOf<B>, features: Weight) => Weight;
  readonly loss: (last: ValuesOf<C>, upper: Weight, batch: Records<F>) => Scalar;
}): UTask => ({ seed: 0, ...declared }) as unknown as UTask;

export interface Cut {
  readonly server: Place<string>;
  readonly clients: Cohort;
  /** Who has the clients' layers between rounds; together with features they tell of records. Default: the server. */
  readonly keeper?: Place<string>;
  /** Steps in a round, and rounds. */
  readonly steps: number;
  readonly rounds: number;
  /** Records of a client's step. */
  readonly batch: number;
  readonly optimizer: Optimizer;
  /** How long answers are waited for, how many are enough, and how they are encoded. */
  readonly answers?: Pick<CollectOptions<string>, 'within' | 'atLeast' | 'codec'>;
  /**
   * What a client tells of how far its layers have come in a round; such as with feedback of what its codec lost. The keeper adds it
   * to the layers that it has. Default: the layers themselves.
   */
  readonly sends?: (moved: Weights) => Weights;
}

/** The clients' layers; and where what is told is how far they came, from where: with the keeper, and with each client. */
export interface Layers {
  readonly held: Variables;
  readonly began?: Readonly<Record<'kept' | 'own', Variables>>;
}

export function layersOf(
  parameters: Specs,
  seed: number,
  { server, keeper = server, clients, sends }: Cut,
): Layers {
  const each = clients.each as Place<string>;
  const start = startOf({ parameters, seed });
  const at = (place: Place<string>, prefix = '') =>
    heldAt({ seed, parameters: () => start }, place, undefined, prefix);
  const held = at(each);
  return sends === undefined
    ? { held }
    : { held, began: { kept: at(keeper, 'kept.'), own: at(each, 'began.') } };
}

/** Batches of all clients, [k, batch, …], as one. */
export const merged = (rows: Weight): Weight =>
  rows.reshape(concat([constant([-1n], int64), rows.shape({ start: 2 })], { axis: 0 })) as Weight;

const RECORDS = 'cut.records';

/** A round's last step ends with the clients' layers averaged, weighted by how many records each has; and the next step begins. */
export function nextStep(
  { server, keeper = server, clients, steps, rounds, answers, sends = (moved) => moved }: Cut,
  step: Count,
  { held, began }: Layers,
  trained: Weights,
  records: DataSource<Fields, string>,
): void {
  const done = step.add(1n);
  const due = done.mod(BigInt(steps)).equal(0n);
  const told = on(clients.each, () => {
    const all = { ...trained, [RECORDS]: records.size() } as Readonly<Record<string, Tensor>>;
    const { [RECORDS]: count, ...layers } = when(all, due);
    const sent = began === undefined ? layers : sends(minus(layers as Weights, read(began.own)));
    return { ...sent, [RECORDS]: count! };
  });
  const { senders, missing, [RECORDS]: counts, ...rows } = collect(told, { ...answers, at: keeper });
  const mean = weightedMean(rows as Weights, counts!);
  if (began === undefined) update(held, (latest) => orElse(mean, latest));
  else {
    const kept = update(began.kept, (before) => orElse(plus(before, mean), before));
    const agreed = when(kept, Object.values(mean)[0]!.present());
    update(
      { held, own: began.own },
      (latest) => mapped(latest, (one) => orElse(agreed, one)) as typeof latest,
    );
  }
  next('step', { step: done }).when(done.less(BigInt(steps * rounds)));
}
