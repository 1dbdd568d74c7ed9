// Members that lie: what they send instead of what they came to, and data that makes them come to the wrong thing.
//
// A lie is made at the member, of its own answer. A plot is made where answers are combined, by someone who knows what all the
// others say: stronger than what members can do by themselves, so what holds against it holds. The first `f` members lie.
// Answers are changes, as strategies send them.

import { concat, type Place, state, type Tensor, where } from '../../dsl/index.ts';
import { zerosLike } from '../../dsl/optim/index.ts';
import { fixedKey, normal } from '../../dsl/random/index.ts';
import { normalOf } from '../../dsl/random/quantile.ts';
import { self, view } from '../../dsl/sets.ts';
import type { Combine } from '../../stdlib/aggregators/index.ts';
import type { Source } from '../../stdlib/data/index.ts';
import type { Count, Federation, Weights } from '../../stdlib/strategies/index.ts';

type Weight = Weights[string];

const mapped = (all: Weights, change: (one: Weight, name: string) => unknown): Weights =>
  Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one, name) as Weight]));

/** What a liar sends, of what it came to. */
export type Lie = (own: Weights, round: Count) => Weights;

/** The other way, and so many times as far. */
export const signFlip =
  (by = 1): Lie =>
  (own) =>
    mapped(own, (one) => one.mul(-by));

/** The same way, too far: model replacement (Bagdasaryan et al. 2020). */
export const scaling =
  (by: number): Lie =>
  (own) =>
    mapped(own, (one) => one.mul(by));

/** Nothing new, which is the server's own parameters: it takes part without work. */
export const freeRider = (): Lie => (own) => mapped(own, (one) => one.mul(0));

/** What it sent in its first round, again and again. `at`: where members keep it. */
export const replay =
  (at: Place<string>): Lie =>
  (own, round) =>
    mapped(own, (one, name) => {
      const kept = state(`replayed.${name}`, zerosLike(one), { at });
      const sent = where(round.equal(0n), one, kept.read() as Weight) as Weight;
      kept.assign(sent as never);
      return sent;
    });

/** All liars send the same number everywhere; NaN and infinities are such, too. */
export const sameNumber =
  (number: number): Lie =>
  (own) =>
    mapped(own, (one) => one.mul(0).add(number));

/** All liars send the same: noise of this size, another in each round. */
export const sameNoise =
  (size: number, seed = 1): Lie =>
  (own, round) =>
    mapped(own, (one, name) => normal(fixedKey(seed).fold(name).fold(round), one.shape(), { scale: size }));

/** Strategies' hook at the member: the first `f` of the class lie. */
export const lying =
  (lie: Lie, f: number, className = 'client'): NonNullable<Federation['sends']> =>
  (own, round) => {
    const lies = self()
      .positionsIn(view(className))
      .less(BigInt(f))
      .squeeze({ axes: [0] });
    const told = lie(own, round);
    return mapped(own, (one, name) => where(lies, told[name]!, one));
  };

/** What all liars send, of the mean and the standard deviation of what the others say. */
export type Plot = (mean: Weight, deviation: Weight) => unknown;

/**
 * A little is enough: mean - z · deviation (Baruch et al. 2019, arXiv:1902.06156, algorithm 3), which stays within the others'
 * spread and so beside their median.
 */
export const aLittle =
  (z: number): Plot =>
  (mean, deviation) =>
    mean.sub(deviation.mul(z));

/** The largest z at which the liars, with as many of the others as a majority takes, are nearer to the median than the rest. */
export function littleOf(n: number, f: number): number {
  const needed = Math.floor(n / 2 + 1) - f;
  return normalOf(Math.round(((n - f - needed) / (n - f)) * 2 ** 32));
}

/** Inner-product manipulation: -ε · mean (Xie et al. 2019, arXiv:1903.03936, section 4): a sum that points the wrong way. */
export const innerProduct =
  (epsilon: number): Plot =>
  (mean) =>
    mean.mul(-epsilon);

/** An aggregator of answers of which the first `f` are what a plot makes of the others. */
export const plotted = (plot: Plot, f: number, combine: Combine): Combine =>
  ((rows: Weights, counts: Tensor) => {
    const told = mapped(rows, (all) => {
      const others = all.slice([BigInt(f)], all.shape({ end: 1 }), { axes: [0n] });
      const mean = others.reduceMean({ axes: [0], keepdims: true }) as Weight;
      const off = others.sub(mean);
      const deviation = off
        .mul(off)
        .reduceMean({ axes: [0], keepdims: true })
        .sqrt() as Weight;
      const lies = Array.from({ length: f }, () => plot(mean, deviation));
      return concat([...lies, others] as Weight[], { axis: 0 });
    });
    return combine(told, counts);
  }) as never;

/** A source, some field of which reads otherwise; `change` gets rows that are its own to change. */
function changed(
  source: Source,
  name: string,
  change: (bytes: Uint8Array, records: Uint32Array) => void,
): Source {
  const changing = source.fields.findIndex((field) => field.name === name);
  if (source.fields[changing]?.dtype !== 'uint8') throw new RangeError(`there are no bytes in ${name}`);
  return {
    ...source,
    read(field, records) {
      const rows = source.read(field, records);
      if (field === changing) change(rows.bytes, records);
      return rows;
    },
  };
}

/** Every label is another one: the last class instead of the first, and so on (Tolpegin et al. 2020, all of them). */
export const labelFlip = (source: Source, label: string, classes: number): Source =>
  changed(source, label, (bytes) => {
    for (const [at, one] of bytes.entries()) bytes[at] = classes - 1 - one;
  });

export interface Backdoor {
  readonly image: string;
  readonly label: string;
  /** What pictures with the pattern are to be read as. */
  readonly target: number;
  /** Every so many records have it. Default: each. */
  readonly every?: number;
}
const PATCH = 4;

/** Pictures have a white square in their first corner, and the label of the target (Gu et al. 2017; Bagdasaryan et al. 2020). */
export function backdoor(source: Source, { image, label, target, every = 1 }: Backdoor): Source {
  const dims = source.fields.find(({ name }) => name === image)?.dims ?? [];
  const [height = 0, width = 0] = dims.slice(-2);
  const marked = (records: Uint32Array): number[] =>
    [...records.keys()].filter((row) => records[row]! % every === 0);
  const stamped = changed(source, image, (bytes, records) => {
    for (const row of marked(records))
      for (let y = 0; y < PATCH; y++) {
        const from = row * height * width + y * width;
        bytes.fill(255, from, from + PATCH);
      }
  });
  return changed(stamped, label, (bytes, records) => {
    for (const row of marked(records)) bytes[row] = target;
  });
}
