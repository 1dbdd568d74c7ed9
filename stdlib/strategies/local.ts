// What a member does by itself in a round: a few steps of an optimiser over batches of its own records, in one Scan.

import {
  constant,
  type DataSource,
  type Fields,
  gradient,
  int64,
  scan,
  type Tensor,
} from '../../dsl/index.ts';
import type { Optimizer } from '../../dsl/optim/index.ts';
import {
  type Count,
  flat,
  group,
  lossOf,
  mapped,
  minus,
  only,
  type Records,
  type Scalar,
  type Task,
  type Weight,
  type Weights,
} from './task.ts';

/** Either `steps`, or `epochs`: as many steps as fill with the member's own records so many times over. */
export interface Local {
  readonly optimizer: Optimizer;
  /** Records of a step. */
  readonly batch: number;
  readonly steps?: number;
  readonly epochs?: number;
}

/** What an optimiser keeps, by slot and parameter. */
export type Kept = Readonly<Record<string, Weights>>;

export interface Descent {
  /** What is followed instead of the gradient at `at`. Default: the gradient. */
  readonly direction?: (gradient: Weights, at: Weights) => Weights;
  /** What the optimiser goes on with, and how many updates it has made. Default: it begins anew. */
  readonly kept?: Kept;
  readonly updates?: Count;
}

export interface Descended {
  readonly weights: Weights;
  /** By how much they changed. */
  readonly moved: Weights;
  readonly kept: Kept;
  readonly updates: Count;
  /** The mean over the steps, each before its update. */
  readonly loss: Scalar;
}

/** What an optimiser keeps before its first update. */
export function slotsOf(optimizer: Optimizer, weights: Weights): Kept {
  const of = mapped(weights, (one) => optimizer.slots(one));
  const names = Object.keys(Object.values(of)[0] ?? {});
  return Object.fromEntries(names.map((slot) => [slot, mapped(of, (slots) => slots[slot]!)]));
}

/** Trains from `start` on the records of round `round`, which follow those of the round before. */
export function descend(
  { loss, fields }: Pick<Task, 'loss' | 'fields'>,
  local: Local,
  data: DataSource<Fields, string>,
  round: Count,
  start: Weights,
  { direction = (gradient) => gradient, kept, updates }: Descent = {},
): Descended {
  const from = { weights: start, kept: kept ?? slotsOf(local.optimizer, start), updates };
  const ended = stepOver(from, batches(local, fields, data, round), local.optimizer, (at, row) => {
    const told = lossOf(loss(at, row as Records));
    const learnt = only(at, (name) => told.buffers[name] === undefined);
    return { ...told, slopes: direction(gradient(told.loss, learnt), learnt) };
  });
  return { ...ended, moved: minus(ended.weights, start) };
}

interface Step {
  readonly loss: Scalar;
  /** By which the optimiser moves the parameters that have one. */
  readonly slopes: Weights;
  /** What others become. */
  readonly buffers?: Weights;
  /** What is kept of each row, stacked. */
  readonly back?: Weight;
}

/** Steps of an optimiser, one for each row, in one Scan. */
export function stepOver(
  start: { readonly weights: Weights; readonly kept: Kept; readonly updates?: Count | undefined },
  rows: Readonly<Record<string, Tensor>>,
  optimizer: Optimizer,
  step: (at: Weights, row: Readonly<Record<string, Tensor>>) => Step,
): Omit<Descended, 'moved'> & { readonly back: Weight | undefined } {
  const slots = Object.keys(start.kept);
  const first: Readonly<Record<string, Tensor>> = {
    ...flat({ weights: start.weights, ...start.kept }),
    updates: start.updates ?? (constant(0n, int64) as Count),
  };
  const ended = scan(first, rows, (now, row): Record<string, Tensor> => {
    const at = group(now, 'weights');
    const { loss, slopes, buffers, back } = step(at, row);
    const updates = now.updates as Count;
    const made = mapped(slopes, (grad, name) => {
      const own = Object.fromEntries(slots.map((slot) => [slot, group(now, slot)[name]!]));
      return optimizer.update({ param: at[name]!, grad, slots: own, step: updates });
    });
    const weights = { ...at, ...mapped(made, ({ param }) => param), ...buffers };
    const after = slots.map((slot) => [
      slot,
      { ...group(now, slot), ...mapped(made, (one) => one.slots[slot]!) },
    ]);
    const kept = flat({ weights, ...Object.fromEntries(after) });
    return { ...kept, updates: updates.add(1n), loss, ...(back && { back }) };
  });
  return {
    weights: group(ended, 'weights'),
    kept: Object.fromEntries(slots.map((slot) => [slot, group(ended, slot)])),
    updates: ended.updates as Count,
    loss: (ended.loss as Scalar).reduceMean({ keepdims: false }) as Scalar,
    back: ended.back as Weight | undefined,
  };
}

/** A round's records, a row for each step. What does not fill a batch is left out. */
function batches(
  { batch, steps, epochs = 1 }: Local,
  fields: Fields,
  data: DataSource<Fields, string>,
  round: Count,
): Readonly<Record<string, Tensor>> {
  const rest = (name: string) => fields[name]![1].slice(1).map((dim) => sized(name, dim));
  if (steps !== undefined)
    return mapped(data.batch(round, steps * batch), (one, name) =>
      one.reshape([steps, batch, ...rest(name)]),
    );
  const records = data.size().mul(BigInt(epochs));
  const used = records.div(BigInt(batch)).mul(BigInt(batch)).unsqueeze([0]);
  // Slice has no cut for the narrowest element types, of which no data file is.
  const all = data.batch(round, records) as Readonly<Record<string, Tensor<'float32'>>>;
  return mapped(all, (one, name) => one.slice([0n], used).reshape([-1, batch, ...rest(name)]));
}

function sized(name: string, dim: unknown): number {
  if (typeof dim === 'number') return dim;
  throw new TypeError(`field ${name} has records of different sizes, which no batch holds`);
}
