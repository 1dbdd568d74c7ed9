// Every record exactly once: over shards, over the two parts, over the batches of an epoch.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LastBatch, Sharding } from '../../ir/index.ts';
import { arrays, Order, part, shards } from '../../stdlib/data/index.ts';

const seed = fc.nat();
const sorted = (records: Iterable<number>): number[] => [...records].sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const sharding: fc.Arbitrary<Sharding> = fc.oneof(
  fc.record({ by: fc.constant('iid' as const), seed }),
  fc.record({
    by: fc.constant('label' as const),
    seed,
    label: fc.constant('y'),
    pieces: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    by: fc.constant('dirichlet' as const),
    seed,
    label: fc.constant('y'),
    alpha: fc.double({ min: 0.5, max: 100, noNaN: true }),
  }),
);

describe('shards', () => {
  test('hold every record exactly once, none of them is empty, and the same call gives the same', () => {
    const labels = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 60, maxLength: 200 });
    fc.assert(
      fc.property(labels, fc.integer({ min: 1, max: 8 }), sharding, (y, number, how) => {
        const found = shards(y.length, number, how, y);
        expect(found).toHaveLength(number);
        expect(found.every((shard) => shard.length > 0)).toBe(true);
        expect(sorted(found.flatMap((shard) => [...shard]))).toEqual(upTo(y.length));
        expect(shards(y.length, number, how, y)).toEqual(found);
      }),
      { numRuns: 100 },
    );
  });

  test('a small alpha skews labels, a large one does not; runs by label hold few', () => {
    const y = upTo(2000).map((record) => record % 10);
    const most = (how: Sharding): number[] =>
      shards(2000, 10, how, y).map((shard) => {
        const counts = upTo(10).map((label) => shard.filter((record) => y[record] === label).length);
        return Math.max(...counts) / shard.length;
      });
    const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
    const dirichlet = (alpha: number): Sharding => ({ by: 'dirichlet', label: 'y', alpha, seed: 1 });
    expect(mean(most(dirichlet(0.05)))).toBeGreaterThan(0.6);
    expect(mean(most(dirichlet(1000)))).toBeLessThan(0.13);
    expect(mean(most({ by: 'iid', seed: 1 }))).toBeLessThan(0.2);
    for (const shard of shards(2000, 10, { by: 'label', label: 'y', seed: 1 }, y))
      expect(new Set([...shard].map((record) => y[record])).size).toBeLessThanOrEqual(2);
  });

  test('too few records are refused', () => {
    expect(() => shards(2, 3, { by: 'iid', seed: 1 })).toThrow('2 records are too few for 3 shards');
    const how: Sharding = { by: 'dirichlet', label: 'y', alpha: 0.01, seed: 1, atLeast: 10 };
    expect(() => shards(100, 10, how, new Array(100).fill(0))).toThrow('1000 draws left a shard');
  });
});

describe('an order', () => {
  test('has every record once in each epoch, whatever the size of batches', () => {
    const shuffle = fc.option(fc.record({ seed }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        shuffle,
        (count, size, how) => {
          const order = new Order(count, how && { shuffle: how });
          const batches = (last: LastBatch, number: number): number[] =>
            upTo(number).flatMap((index) => [...order.batch(index, size, last)]);
          const wrapped = batches('wrap', count);
          expect(wrapped).toHaveLength(count * size);
          for (let epoch = 0; epoch < size; epoch++)
            expect(sorted(wrapped.slice(epoch * count, (epoch + 1) * count))).toEqual(upTo(count));
          const kept = batches('keep', 2 * Math.ceil(count / size));
          expect(kept).toEqual([...order.epoch(0), ...order.epoch(1)]);
          if (size > count) return;
          const perEpoch = Math.floor(count / size);
          const dropped = batches('drop', perEpoch);
          expect(dropped).toEqual(wrapped.slice(0, perEpoch * size));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('differs from epoch to epoch, from seed to seed and from member to member, and not from run to run', () => {
    const epochs = (seedOf: number, stream: number): string[] => {
      const order = new Order(100, { shuffle: { seed: seedOf }, stream });
      return [0, 1].map((epoch) => [...order.epoch(epoch)].join());
    };
    const all = [...epochs(1, 0), ...epochs(1, 1), ...epochs(2, 0), ...epochs(2 ** 40 + 1, 0)];
    expect(new Set(all).size).toBe(8);
    expect(epochs(1, 0)).toEqual(epochs(1, 0));
    // From another implementation of what docs/data.md says; data is the same everywhere, and in every version.
    expect([...new Order(8, { shuffle: { seed: 7 } }).epoch(0)]).toEqual([7, 6, 5, 4, 2, 0, 1, 3]);
    expect([...new Order(8, { shuffle: { seed: 7 }, stream: 3 }).epoch(1)]).toEqual([7, 3, 0, 4, 1, 5, 6, 2]);
  });
});

test('two parts have every record once', () => {
  const labels = { dtype: 'uint8', dims: [37], bytes: Uint8Array.from(upTo(37)) } as const;
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), seed, (share, seedOf) => {
      const [train, test] = (['train', 'test'] as const).map((take) => {
        const one = part(arrays({ y: labels }), { take, share, seed: seedOf });
        return [...one.read(0, Uint32Array.from(upTo(one.count))).bytes];
      });
      expect(test).toHaveLength(Math.floor(share * 37));
      expect(sorted([...train!, ...test!])).toEqual(upTo(37));
    }),
    { numRuns: 50 },
  );
});
