// Which records each of several members has. Every record belongs to exactly one shard, on every platform the same.

import type { Sharding } from '../../ir/index.ts';
import type { Random } from '../../ir/random.ts';
import { shuffle, streamOf, upTo } from './philox.ts';
import { exp, log } from './real.ts';

/** How often a Dirichlet draw that leaves a shard too small is made anew. */
const MAX_DRAWS = 1000;

/**
 * The record numbers of each shard, ascending. `labels`: the label of each record, for shardings by label; labels are
 * told apart by their text. Throws RangeError if no sharding leaves each with a record.
 */
export function shards(
  count: number,
  number: number,
  sharding: Sharding,
  labels: readonly (number | bigint | string)[] = [],
): readonly Uint32Array[] {
  if (count < number) throw new RangeError(`${count} records are too few for ${number} shards`);
  switch (sharding.by) {
    case 'iid':
      return ascending(runs(shuffle(upTo(count), streamOf(sharding.seed, 'shard')), number));
    case 'label':
      return byLabel(count, number, sharding.pieces ?? 2, labels, streamOf(sharding.seed, 'shard'));
    case 'dirichlet':
      return dirichlet(count, number, sharding, labels);
  }
}

/** Part i of n is [⌊i × length / n⌋, ⌊(i + 1) × length / n⌋). */
function runs(records: Uint32Array, number: number): Uint32Array[] {
  const cut = (index: number): number => Math.floor((index * records.length) / number);
  return Array.from({ length: number }, (_, index) => records.subarray(cut(index), cut(index + 1)));
}

const ascending = (parts: readonly Uint32Array[]): readonly Uint32Array[] =>
  parts.map((part) => part.slice().sort());

/** Records of each label, in their order; labels in the order of their text. */
function groups(labels: readonly (number | bigint | string)[]): readonly Uint32Array[] {
  const found = new Map<string, number[]>();
  labels.forEach((label, record) => {
    const key = String(label);
    const group = found.get(key);
    if (group === undefined) found.set(key, [record]);
    else group.push(record);
  });
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, records]) => Uint32Array.from(records));
}

const joined = (parts: readonly Uint32Array[]): Uint32Array => {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

function byLabel(
  count: number,
  number: number,
  pieces: number,
  labels: readonly (number | bigint | string)[],
  random: Random,
): readonly Uint32Array[] {
  if (count < number * pieces)
    throw new RangeError(`${count} records are too few for ${number} shards of ${pieces} pieces`);
  const cut = runs(joined(groups(labels)), number * pieces);
  const order = shuffle(upTo(number * pieces), random);
  const shard = (index: number): Uint32Array =>
    joined([...order.subarray(index * pieces, (index + 1) * pieces)].map((piece) => cut[piece]!));
  return ascending(Array.from({ length: number }, (_, index) => shard(index)));
}

function dirichlet(
  count: number,
  number: number,
  { seed, alpha, atLeast = 1 }: Extract<Sharding, { by: 'dirichlet' }>,
  labels: readonly (number | bigint | string)[],
): readonly Uint32Array[] {
  if (count < number * atLeast)
    throw new RangeError(`${count} records are too few for ${number} shards of at least ${atLeast}`);
  const byLabel = groups(labels);
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const parts: Uint32Array[][] = Array.from({ length: number }, () => []);
    byLabel.forEach((records, label) => {
      const random = streamOf(seed, 'shard', label, draw);
      const shares = Array.from({ length: number }, () => gamma(alpha, random));
      const total = shares.reduce((sum, share) => sum + share, 0);
      const mixed = shuffle(records.slice(), random);
      let [sum, from] = [0, 0];
      shares.forEach((share, shard) => {
        sum += share;
        // The last one ends where the records do, whatever the shares' sum rounds to. Shares that are all too small
        // for a number give everything to it.
        const to =
          shard === number - 1 ? mixed.length : Math.floor((total === 0 ? 0 : sum / total) * mixed.length);
        parts[shard]!.push(mixed.subarray(from, Math.max(from, to)));
        from = Math.max(from, to);
      });
    });
    const found = ascending(parts.map(joined));
    if (found.every((shard) => shard.length >= atLeast)) return found;
  }
  throw new RangeError(`${MAX_DRAWS} draws left a shard with fewer than ${atLeast} records`);
}

/** A gamma variate of this shape and scale 1 (Marsaglia and Tsang 2000); below 1, boosted by U^(1/shape). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * exp(log(random.fraction()) / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const root = 1 + c * x;
    const v = root * root * root;
    if (v > 0 && log(random.fraction()) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
  }
}

/** A standard normal variate, by Marsaglia's polar method. */
function normal(random: Random): number {
  for (;;) {
    const u = 2 * random.fraction() - 1;
    const v = 2 * random.fraction() - 1;
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * log(s)) / s);
  }
}
