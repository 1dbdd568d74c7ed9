// The components that come with the project, each by itself.

import { describe, expect, test } from 'vitest';
import type { DataValue, Tensor } from '../../ir/index.ts';
import { philox } from '../../ir/philox.ts';
import { weightedMean } from '../../stdlib/aggregators/components.ts';
import { float16Codec, int8, int8Codec, type TensorCodec } from '../../stdlib/codecs/index.ts';
import { makerOf } from '../../stdlib/components.ts';
import { flatIndex, hnswIndex } from '../../stdlib/indexes/index.ts';
import { membershipRegistry } from '../../stdlib/protocols/index.ts';
import { allPeers, randomPeers } from '../../stdlib/selectors/index.ts';
import { bigintsOf, float32s, float32sOf, int64, int64s, strings, stringsOf } from '../../stdlib/tensors.ts';
import { Bench } from '../support/node-component.ts';

const f32 = (dims: readonly number[], ...values: readonly number[]): Tensor =>
  float32s(dims, Float32Array.from(values));
const ids = (...values: readonly number[]): Tensor =>
  int64s([values.length], BigInt64Array.from(values, BigInt));
/** Numbers in (-1, 1) from a counter. */
const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => philox([seed, 0], [at, 0, 0, 0])[0] / 2 ** 31 - 1);

describe('weighted mean', () => {
  const mean = (values: Tensor, weights: Tensor) =>
    new Bench(weightedMean()).call('Combine', [values, weights]);

  test('is the mean in double precision, summed in the order of the rows and rounded once', () => {
    const [rows, size] = [7, 5];
    const values = noise(rows * size, 3);
    const weights = [3, 1, 4, 1, 5, 9, 2];
    const [combined] = mean(float32s([rows, size], values), ids(...weights));
    const expected = Array.from({ length: size }, (_, at) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += weights[row]! * values[row * size + at]!;
      return Math.fround(sum / 25);
    });
    expect([...float32sOf(combined, '')]).toEqual(expected);
    expect((combined as Tensor).dims).toEqual([size]);
  });

  test('leaves out what counts nothing, and keeps float64', () => {
    const values: Tensor = {
      dtype: 'float64',
      dims: [2],
      bytes: new Uint8Array(Float64Array.of(0.1, 7).buffer),
    };
    const [combined] = mean(values, f32([2], 1, 0));
    expect(new Float64Array((combined as Tensor).bytes.slice().buffer)).toEqual(Float64Array.of(0.1));
  });

  test.each([
    ['weights of which one is below 0', f32([2, 1], 1, 2), f32([2], 2, -1)],
    ['weights that are all 0', f32([2, 1], 1, 2), f32([2], 0, 0)],
    ['no values', f32([0, 1]), f32([0])],
    ['more values than weights', f32([2, 1], 1, 2), f32([1], 1)],
  ])('refuses %s', (_, values, weights) => {
    expect(() => mean(values, weights)).toThrow(Error);
  });
});

describe('selectors', () => {
  const members = { phone: Array.from({ length: 10 }, (_, at) => `phone/${at}`) };
  const select = (bench: Bench, count: number, origin = '', options: Readonly<Record<string, string>> = {}) =>
    stringsOf(
      bench.call('Select', [int64(count)], { origin, options: { class: 'phone', ...options } })[0],
      '',
    );

  test('all peers are the class in its order, without oneself', () => {
    const bench = new Bench(allPeers(), 'phone/3', members);
    expect(select(bench, 100)).toEqual(members.phone.filter((one) => one !== 'phone/3'));
    expect(select(bench, 2, '', { self: 'yes' })).toEqual(['phone/0', 'phone/1']);
  });

  test('random peers are so many, each once, the same in one flow and others in another', () => {
    const bench = new Bench(randomPeers(), 'server', members);
    const first = select(bench, 4, 'flow 1');
    expect(new Set(first).size).toBe(4);
    expect(select(bench, 4, 'flow 1')).toEqual(first);
    const often = Array.from({ length: 1000 }, (_, at) => select(bench, 4, `flow ${at}`));
    const counts = members.phone.map((one) => often.filter((chosen) => chosen.includes(one)).length);
    // Each is chosen with probability 0.4: 1000 draws have a standard deviation of 15.5.
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(80);
    expect(select(bench, 100)).toHaveLength(10);
  });

  test('a class that is not there is an error that says so', () => {
    const bench = new Bench(allPeers(), 'server', members);
    expect(() => select(bench, 1, '', { class: 'tablet' })).toThrow('there is no class tablet');
  });
});

describe.each([
  ['flat', () => flatIndex()],
  ['hnsw', () => hnswIndex({ m: 4, efConstruction: 16, ef: 8 })],
])('the %s index', (_, make) => {
  const search = (bench: Bench, query: Tensor, count: number): readonly DataValue[] =>
    bench.call('Search', [query, int64(count)]);
  const points = f32([4, 2], 0, 0, 1, 0, 0, 2, 5, 5);

  test('finds what is near, nearest first, with its distance', () => {
    const bench = new Bench(make());
    bench.update('Add', ids(10, 11, 12, 13), points);
    const [found, distances] = search(bench, f32([2, 2], 0.9, 0, 5, 4), 2);
    expect([...bigintsOf(found, '')]).toEqual([11n, 10n, 13n, 12n]);
    expect([...float32sOf(distances, '')].map((one) => Number(one.toFixed(4)))).toEqual([0.01, 0.81, 1, 29]);
    expect((found as Tensor).dims).toEqual([2, 2]);
  });

  test('gives as many as there are, and what was removed or replaced no more', () => {
    const bench = new Bench(make());
    expect((search(bench, f32([1, 2], 0, 0), 3)[0] as Tensor).dims).toEqual([1, 0]);
    bench.update('Add', ids(10, 11, 12, 13), points);
    bench.update('Remove', ids(10, 99));
    bench.update('Add', ids(11), f32([1, 2], 9, 9));
    expect([...bigintsOf(search(bench, f32([1, 2], 0, 0), 9)[0], '')]).toEqual([12n, 13n, 11n]);
    expect([...bigintsOf(bench.call('Size')[0], '')]).toEqual([3n]);
  });

  test('of equal distance the lower id comes first', () => {
    const bench = new Bench(make());
    bench.update('Add', ids(7, 3, 5), f32([3, 1], 1, 1, -1));
    expect([...bigintsOf(search(bench, f32([1, 1], 0), 3)[0], '')]).toEqual([3n, 5n, 7n]);
  });

  test('an update that fails has changed nothing', () => {
    const bench = new Bench(make());
    bench.update('Add', ids(1), f32([1, 2], 0, 0));
    expect(() => bench.update('Add', ids(2, 3), f32([2, 2], 1, 1, Number.NaN, 1))).toThrow('not finite');
    expect(() => bench.update('Add', ids(2), f32([1, 3], 1, 1, 1))).toThrow('3 dimensions, the index 2');
    expect([...bigintsOf(bench.call('Size')[0], '')]).toEqual([1n]);
  });

  test('saved and restored it finds the same, and goes on alike', () => {
    const one = new Bench(make());
    const vectors = noise(100 * 4, 1);
    one.update('Add', ids(...Array.from({ length: 100 }, (_, at) => at)), float32s([100, 4], vectors));
    one.update('Remove', ids(3, 4, 5));
    const other = new Bench(make());
    other.container.restore(one.container.save());
    for (const bench of [one, other]) bench.update('Add', ids(200), f32([1, 4], 0.1, 0.2, 0.3, 0.4));
    expect(other.container.save()).toEqual(one.container.save());
    const query = float32s([5, 4], noise(20, 2));
    expect(search(other, query, 10)).toEqual(search(one, query, 10));
  });
});

test('hnsw finds nearly what the flat index finds: recall of 10 among 2,000 is at least 0.95', () => {
  const [count, dimensions, queries] = [2000, 16, 50];
  const [exact, approximate] = [new Bench(flatIndex()), new Bench(hnswIndex())];
  const vectors = float32s([count, dimensions], noise(count * dimensions, 5));
  const all = ids(...Array.from({ length: count }, (_, at) => at));
  const query = float32s([queries, dimensions], noise(queries * dimensions, 6));
  const [truth, found] = [exact, approximate].map((bench) => {
    bench.update('Add', all, vectors);
    return bigintsOf(bench.call('Search', [query, int64(10)])[0], '');
  });
  let hits = 0;
  for (let row = 0; row < queries; row++) {
    const near = new Set(truth!.subarray(row * 10, row * 10 + 10));
    hits += found!.subarray(row * 10, row * 10 + 10).filter((id) => near.has(id)).length;
  }
  expect(hits / (queries * 10)).toBeGreaterThan(0.95);
  // Half of them removed, the graph is made anew and still finds the rest.
  const half = ids(...Array.from({ length: count / 2 + 1 }, (_, at) => at));
  for (const bench of [exact, approximate]) bench.update('Remove', half);
  const [left, leftFound] = [exact, approximate].map((bench) =>
    bigintsOf(bench.call('Search', [query, int64(5)])[0], ''),
  );
  const same = left!.filter((id, at) => leftFound![at] === id).length;
  expect(same / left!.length).toBeGreaterThan(0.9);
});

describe('the membership registry', () => {
  const members = { phone: ['p/0', 'p/1', 'p/2'] };
  const second = 1e9;
  const world = () => {
    const benches = new Map(
      ['server', ...members.phone].map((id) => [
        id,
        new Bench(membershipRegistry({ ttlMs: 3000 }), id, members),
      ]),
    );
    const lost = new Set<string>();
    const deliver = (): void => {
      for (const [from, bench] of benches)
        for (const { to, message } of bench.sent.splice(0))
          if (!lost.has(from)) benches.get(to)!.container.message(from, message);
    };
    const run = (until: number): void => {
      for (;;) {
        deliver();
        const next = Math.min(...[...benches.values()].map((one) => one.container.nextNs));
        if (next > until) break;
        for (const bench of benches.values()) bench.container.advance(next);
      }
      for (const bench of benches.values()) bench.container.advance(until);
    };
    const view = (): readonly [readonly string[], bigint] => {
      const [found, number] = benches.get('server')!.call('View', [], { options: { class: 'phone' } });
      return [stringsOf(found, ''), bigintsOf(number, '')[0]!];
    };
    return { benches, lost, run, view };
  };

  test('knows who has announced itself, in the order of the class, while it is heard', () => {
    const { benches, lost, run, view } = world();
    for (const id of ['p/2', 'p/0']) benches.get(id)!.update('Join', strings(['server']));
    run(1 * second);
    expect(view()).toEqual([['p/0', 'p/2'], 2n]);
    run(20 * second);
    expect(view()).toEqual([['p/0', 'p/2'], 2n]);
    lost.add('p/0');
    run(22 * second);
    expect(view()[0]).toEqual(['p/0', 'p/2']);
    run(24.1 * second);
    expect(view()).toEqual([['p/2'], 3n]);
    lost.clear();
    run(26 * second);
    expect(view()).toEqual([['p/0', 'p/2'], 4n]);
    const events = benches
      .get('server')!
      .raised.map(({ event, values }) => [event, stringsOf(values.peer, '')[0]]);
    expect(events).toEqual([
      ['joined', 'p/0'],
      ['joined', 'p/2'],
      ['left', 'p/0'],
      ['joined', 'p/0'],
    ]);
  });

  test('who leaves is gone at once, and announces itself no more', () => {
    const { benches, run, view } = world();
    benches.get('p/1')!.update('Join', strings(['server']));
    run(1 * second);
    benches.get('p/1')!.update('Leave', strings(['server']));
    run(2 * second);
    expect(view()).toEqual([[], 2n]);
    run(9 * second);
    expect(view()[0]).toEqual([]);
  });

  test('a registrar that is restored knows whom it knew', () => {
    const { benches, run, view } = world();
    for (const id of members.phone) benches.get(id)!.update('Join', strings(['server']));
    run(1 * second);
    const again = new Bench(membershipRegistry({ ttlMs: 3000 }), 'server', members);
    again.container.restore(benches.get('server')!.container.save());
    benches.set('server', again);
    expect(view()).toEqual([members.phone, 3n]);
    run(5 * second);
    expect(view()).toEqual([members.phone, 3n]);
  });
});

describe('codecs', () => {
  const there = (codec: TensorCodec, value: Tensor) =>
    codec.decode(codec.encode(value), value.dtype, value.dims);

  test('float16 gives the nearest half: 2 bytes each, ties to even, overflow to infinity', () => {
    const given = f32([6], 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, -65504, 1e6, 2 ** -25);
    expect(float16Codec().encode(given)).toHaveLength(12);
    expect([...float32sOf(there(float16Codec(), given), '')]).toEqual([
      1,
      1,
      1 + 2 ** -9,
      -65504,
      Number.POSITIVE_INFINITY,
      0,
    ]);
  });

  test('int8 is off by half a step of its block at most, and exact where all numbers are alike', () => {
    const values = noise(1000, 9).map((one, at) => one * (at < 500 ? 1 : 1000));
    for (const [block, steps] of [
      [undefined, [2000, 2000]],
      [500, [2, 2000]],
    ] as const) {
      const codec = int8Codec(block === undefined ? {} : { block });
      const back = float32sOf(there(codec, float32s([10, 100], values)), '');
      for (const [at, one] of back.entries())
        expect(Math.abs(one - values[at]!)).toBeLessThanOrEqual((steps[at < 500 ? 0 : 1]! / 510) * 1.001);
    }
    expect(there(int8Codec(), f32([3], 7, 7, 7))).toEqual(f32([3], 7, 7, 7));
    expect(there(int8Codec(), f32([0]))).toEqual(f32([0]));
    expect(there(int8Codec({ block: 4 }), f32([], 2.5))).toEqual(f32([], 2.5));
  });

  test('encoding what was decoded changes nothing any more', () => {
    for (const codec of [float16Codec(), int8Codec({ block: 16 })]) {
      const once = there(codec, float32s([64], noise(64, 4)));
      const twice = there(codec, once);
      for (const [at, one] of float32sOf(twice, '').entries())
        expect(one).toBeCloseTo(float32sOf(once, '')[at]!, 6);
    }
  });

  test('what is no number, and bytes of something else, are errors', () => {
    expect(() => int8Codec().encode(f32([2], 1, Number.NaN))).toThrow('element 1 is NaN');
    expect(() => int8Codec().encode(ids(1))).toThrow('int64');
    expect(() => int8Codec().decode(new Uint8Array(3), 'float32', [2])).toThrow('3 bytes');
    expect(() => float16Codec().decode(new Uint8Array(3), 'float32', [2])).toThrow('3 bytes');
  });

  test('as components they encode to bytes and decode to what is asked', () => {
    const bench = new Bench(int8({ block: 2 }));
    const [bytes] = bench.call('Encode', [f32([2, 2], 1, 2, 3, 4)]);
    expect(bytes).toMatchObject({ dtype: 'uint8', dims: [20] });
    const [back] = bench.call('Decode', [bytes!, f32([2, 2], 0, 0, 0, 0)]);
    expect([...float32sOf(back, '')].map((one) => Number(one.toFixed(3)))).toEqual([1, 2, 3, 4]);
  });
});

test.each([
  [{ kind: 'hnws' }, 'there is no kind hnws'],
  [{ kind: 'random' }, 'random is of the role peer selector'],
  [{ kind: 'hnsw', n: 3 }, 'hnsw has no setting n'],
  [{ kind: 'hnsw', m: 0 }, 'm is 0, not a whole number from 1'],
  [{ kind: 'flat', metric: 'far' }, 'metric is far, not euclidean or cosine or inner'],
])('what an author chooses is checked: %o', (options, reason) => {
  expect(() => makerOf({ name: 'near', role: 'index', options })).toThrow(reason);
});

test.each([
  [{ kind: 'top-k', share: 0 }, 'share is 0, not a share above 0, at most 1'],
  [{ kind: 'top-k', share: 'some' }, 'share is some, not a share above 0, at most 1'],
  [{ kind: 'top-k', share: 0.1, k: 3 }, 'it takes k or share, not both'],
  [{ kind: 'random-k', seed: -1 }, 'seed is -1, not a whole number from 0'],
  [{ kind: 'random-k', unbiased: 'maybe' }, 'unbiased is maybe, not no or yes'],
  [{ kind: 'product-quantised', centroids: 1 }, 'centroids is 1, not a whole number from 2 to 65536'],
])('what an author chooses for an edge is checked: %o', (options, reason) => {
  expect(() => makerOf({ name: 'codec', role: 'codec', options })).toThrow(
    expect.objectContaining({ diagnostics: [expect.objectContaining({ code: 'BB850' })] }),
  );
  expect(() => makerOf({ name: 'codec', role: 'codec', options })).toThrow(reason);
});
