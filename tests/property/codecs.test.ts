// What every codec promises, over tensors of any shape and size of number, and over bytes of anybody.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CodecUse, codecName, codedBytes, productOf, type Tensor } from '../../ir/index.ts';
import {
  bfloat16Codec,
  float16Codec,
  int8Codec,
  lowRankCodec,
  productCodec,
  qsgdCodec,
  randomKCodec,
  signCodec,
  type TensorCodec,
  topKCodec,
} from '../../stdlib/codecs/index.ts';

type Reals = readonly number[];
type Bound = (given: Reals, got: Reals, dims: readonly number[]) => void;

const arrays = { float32: Float32Array, float64: Float64Array } as const;
type Real = keyof typeof arrays;
const tensor = (dims: readonly number[], values: Reals, dtype: Real = 'float32'): Tensor => ({
  dtype,
  dims,
  bytes: new Uint8Array(arrays[dtype].from(values).buffer),
});
const numbersOf = ({ dtype, bytes }: Tensor): Reals => [...new arrays[dtype as Real](bytes.slice().buffer)];
const norm = (values: Reals): number => Math.sqrt(values.reduce((sum, one) => sum + one * one, 0));
const minus = (a: Reals, b: Reals): Reals => a.map((one, at) => one - b[at]!);
const blocks = (values: Reals, size = Number.POSITIVE_INFINITY): readonly Reals[] =>
  values.length === 0
    ? []
    : Array.from({ length: Math.max(1, Math.ceil(values.length / size)) }, (_, one) =>
        values.slice(one * size || 0, (one + 1) * size),
      );
/** What rounding to float32 takes off at most. */
const rounding = (value: number): number => Math.abs(value) * 2 ** -23 + 2 ** -149;

const each =
  (most: (value: number, at: number) => number): Bound =>
  (given, got) => {
    for (const [at, value] of given.entries())
      expect(Math.abs(got[at]! - value)).toBeLessThanOrEqual(most(value, at));
  };
const normIsAtMost = (share: number, given: Reals, got: Reals): void =>
  expect(norm(minus(given, got))).toBeLessThanOrEqual(norm(given) * share * (1 + 1e-6) + 1e-40);

const kept = (count: number, { k, share = 0.01 }: { readonly k?: number; readonly share?: number }): number =>
  Math.min(count, Math.max(1, k ?? Math.round(share * count), Math.ceil(count / 4096)));

const sparse =
  (settings: { readonly k?: number; readonly share?: number }, factor = (_: number): number => 1): Bound =>
  (given, got) => {
    const times = factor(given.length);
    let zeros = 0;
    for (const [at, one] of got.entries()) {
      if (one === 0) zeros++;
      else expect(Math.abs(one - given[at]! * times)).toBeLessThanOrEqual(rounding(one));
    }
    expect(zeros).toBeGreaterThanOrEqual(given.length - kept(given.length, settings));
  };

const topK =
  (settings: { readonly k?: number; readonly share?: number }): Bound =>
  (given, got, dims) => {
    sparse(settings)(given, got, dims);
    if (given.length === 0) return;
    normIsAtMost(Math.sqrt(1 - kept(given.length, settings) / given.length), given, got);
    const lost = Math.max(0, ...given.filter((_, at) => got[at] === 0).map(Math.abs));
    const least = Math.min(...got.filter((one) => one !== 0).map(Math.abs));
    expect(lost).toBeLessThanOrEqual(least + rounding(least));
  };

const int8 =
  (block?: number): Bound =>
  (given, got) => {
    const parts = blocks(given, block);
    const decoded = blocks(got, block);
    for (const [one, part] of parts.entries()) {
      const range = Math.max(...part) - Math.min(...part);
      const slack = 260 * Math.max(...part.map(rounding));
      each(() => range / 510 + slack)(part, decoded[one]!, []);
    }
  };

const qsgd =
  (levels: number, block: number): Bound =>
  (given, got) => {
    const decoded = blocks(got, block);
    for (const [one, part] of blocks(given, block).entries()) {
      const scale = Math.max(...part.map(Math.abs));
      each((value) => (value === 0 ? 0 : scale / levels + rounding(scale)))(part, decoded[one]!, []);
    }
  };

const sign =
  (block?: number): Bound =>
  (given, got) => {
    const decoded = blocks(got, block);
    for (const [one, part] of blocks(given, block).entries()) {
      const lost = norm(minus(part, decoded[one]!)) ** 2;
      const all = part.reduce((sum, value) => sum + Math.abs(value), 0);
      const expected = norm(part) ** 2 - all ** 2 / part.length;
      const scale = Math.max(...part.map(Math.abs));
      expect(Math.abs(lost - expected)).toBeLessThanOrEqual(1e-6 * part.length * scale * scale + 1e-80);
    }
  };

const lowRank =
  (rank: number): Bound =>
  (given, got, dims) => {
    const [rows = 1, ...rest] = dims;
    const columns = productOf(rest);
    if (rank * (rows + columns) >= rows * columns) each(rounding)(given, got, dims);
    else expect(norm(minus(given, got))).toBeLessThanOrEqual(norm(given) * (1 + 1e-6) + 1e-36);
  };

const product =
  (length: number, centroids: number): Bound =>
  (given, got, dims) => {
    const bytes = 4 * length * centroids + (Math.ceil(given.length / length) * Math.log2(centroids)) / 8;
    if (bytes >= 4 * given.length) return each(rounding)(given, got, dims);
    const decoded = blocks(got, length);
    for (const [one, part] of blocks(given, length).entries()) normIsAtMost(1, part, decoded[one]!);
  };

const table: readonly (readonly [CodecUse, TensorCodec, Bound])[] = [
  [{ kind: 'int8' }, int8Codec(), int8()],
  [{ kind: 'int8', block: 3 }, int8Codec({ block: 3 }), int8(3)],
  [{ kind: 'qsgd' }, qsgdCodec(), qsgd(7, 512)],
  [{ kind: 'qsgd', levels: 1, block: 4 }, qsgdCodec({ levels: 1, block: 4 }), qsgd(1, 4)],
  [{ kind: 'qsgd', levels: 1000, block: 5 }, qsgdCodec({ levels: 1000, block: 5 }), qsgd(1000, 5)],
  [{ kind: 'sign' }, signCodec(), sign()],
  [{ kind: 'sign', block: 3 }, signCodec({ block: 3 }), sign(3)],
  [{ kind: 'top-k' }, topKCodec(), topK({})],
  [{ kind: 'top-k', share: 0.3 }, topKCodec({ share: 0.3 }), topK({ share: 0.3 })],
  [{ kind: 'top-k', share: 1 }, topKCodec({ share: 1 }), topK({ share: 1 })],
  [{ kind: 'top-k', k: 3 }, topKCodec({ k: 3 }), topK({ k: 3 })],
  [{ kind: 'random-k', share: 0.2, seed: 5 }, randomKCodec({ share: 0.2, seed: 5 }), sparse({ share: 0.2 })],
  [
    { kind: 'random-k', k: 2, unbiased: 'yes' },
    randomKCodec({ k: 2, unbiased: 'yes' }),
    sparse({ k: 2 }, (count) => count / kept(count, { k: 2 })),
  ],
  [{ kind: 'low-rank' }, lowRankCodec(), lowRank(4)],
  [{ kind: 'low-rank', rank: 1, seed: 3 }, lowRankCodec({ rank: 1, seed: 3 }), lowRank(1)],
  [{ kind: 'product-quantised' }, productCodec(), product(2, 16)],
  [
    { kind: 'product-quantised', length: 2, centroids: 4 },
    productCodec({ length: 2, centroids: 4 }),
    product(2, 4),
  ],
];
const sixteen: readonly (readonly [CodecUse, TensorCodec, Bound])[] = [
  [
    { kind: 'float16' },
    float16Codec(),
    (given, got) => {
      for (const [at, value] of given.entries())
        if (Math.abs(value) >= 65520) expect(got[at]).toBe(Math.sign(value) * Number.POSITIVE_INFINITY);
        else
          expect(Math.abs(got[at]! - value)).toBeLessThanOrEqual(
            Math.max(Math.abs(value) * 2 ** -11, 2 ** -25),
          );
    },
  ],
  [
    { kind: 'bfloat16' },
    bfloat16Codec(),
    (given, got) => {
      for (const [at, value] of given.entries())
        if (Number.isFinite(got[at]))
          expect(Math.abs(got[at]! - value)).toBeLessThanOrEqual(
            Math.max(Math.abs(value) * 2 ** -8, 2 ** -134),
          );
        else expect(Math.abs(value)).toBeGreaterThan(3.389e38);
    },
  ],
];

const exponents = [-149, -130, -40, -3, 0, 3, 40, 96];
const number = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -149, -(2 ** -149), 2 ** 96, 1, -1) },
  {
    weight: 1,
    arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 }),
  },
  { weight: 6, arbitrary: fc.float({ noNaN: true, min: -2, max: 2 }) },
);
/** Of any rank; one size of number in all of it, or many. */
const given = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }).chain((dims) =>
  fc.record({
    dims: fc.constant(dims),
    values: fc.oneof(
      fc.array(number, { minLength: productOf(dims), maxLength: productOf(dims), size: 'max' }),
      fc
        .tuple(fc.constantFrom(...exponents), fc.infiniteStream(fc.integer({ min: -50, max: 50 })))
        .map(([exponent, stream]) =>
          Array.from({ length: productOf(dims) }, () => stream.next().value! * 2 ** exponent),
        ),
    ),
    dtype: fc.constantFrom<Real>('float32', 'float64'),
  }),
);

describe.each([...table, ...sixteen])('%j', (use, codec, bound) => {
  test('is off by no more than it says, in as many bytes as the plan counts', () => {
    fc.assert(
      fc.property(given, ({ dims, values, dtype }) => {
        const value = tensor(dims, values, dtype);
        const bytes = codec.encode(value, 'a');
        expect(codedBytes(codecName(use), dims)).toBe(bytes.length);
        const back = codec.decode(bytes, dtype, dims);
        expect({ dtype: back.dtype, dims: back.dims }).toEqual({ dtype, dims });
        const numbers = numbersOf(value).map(use.kind === 'int8' ? Number : Math.fround);
        bound(numbers, numbersOf(back), dims);
        expect(codec.encode(value, 'a')).toEqual(bytes);
        // Wherever the bytes begin.
        const shifted = new Uint8Array(bytes.length + 1).subarray(1);
        shifted.set(bytes);
        expect(codec.decode(shifted, dtype, dims)).toEqual(back);
      }),
      { numRuns: 150 },
    );
  });

  test('what is cut off, longer or of other bytes is an Error or a tensor of the shape asked for', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(given, fc.infiniteStream(fc.integer({ min: 0, max: 2 ** 16 })), fc.integer({ min: 0, max: 4 }))
        .map(([{ dims, values }, stream, edits]) => {
          const encoded = codec.encode(tensor(dims, values));
          for (let one = 0; one < edits && encoded.length > 0; one++)
            encoded[stream.next().value! % encoded.length] = stream.next().value!;
          return edits === 4 ? encoded.subarray(0, stream.next().value! % (encoded.length + 1)) : encoded;
        }),
    );
    const dims = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 });
    const large = fc.array(fc.constantFrom(1, 3, 4096, 2 ** 20, 2 ** 31, 2 ** 53), { maxLength: 6 });
    fc.assert(
      fc.property(bytes, fc.oneof(dims, large), (given, asked) => {
        try {
          const back = codec.decode(given, 'float32', asked);
          expect(back.bytes.length).toBe(4 * productOf(asked));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          // Not that there was no memory for it.
          expect(error).not.toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test.each(table)('%j refuses what it cannot say', (_, codec) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    expect(() => codec.encode(tensor([3], [1, value, 2]))).toThrow(/element 1 is (NaN|-?Infinity)/);
  expect(() => codec.encode({ dtype: 'int64', dims: [1], bytes: new Uint8Array(8) })).toThrow('int64');
  expect(() => codec.decode(new Uint8Array(3), 'int64', [2])).toThrow(Error);
});

test('bfloat16 of a float32 is what it is of the same float64, of NaN and infinities too', () => {
  const codec = bfloat16Codec();
  const bits = fc.array(
    fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0x7f7fffff, 0xff7f8000, 0x7f7f7fff, 0x80000001)),
  );
  fc.assert(
    fc.property(bits, (words) => {
      const values = [...new Float32Array(Uint32Array.from([...words, 0x7f800000, 0xffc00001]).buffer)];
      const dims = [values.length];
      expect(codec.encode(tensor(dims, values))).toEqual(codec.encode(tensor(dims, values, 'float64')));
    }),
  );
});

test('settings out of their range, or two that say the same, are Errors', () => {
  expect(() => topKCodec({ k: 1, share: 0.5 })).toThrow('k or share');
  expect(() => randomKCodec({ share: 0 })).toThrow('share is 0');
  expect(() => topKCodec({ k: 0 })).toThrow('k is 0');
  expect(() => qsgdCodec({ levels: 2 ** 22 })).toThrow('levels');
  expect(() => productCodec({ centroids: 1 })).toThrow('centroids');
});

const noise = (count: number, seed: number): Reals => {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.fround(state / 2 ** 31);
  });
};

describe('by chance', () => {
  /** Mean and standard deviation of what arrives of one number, over seeds. */
  const spread = (of: (seed: number) => TensorCodec, values: Reals, at: number, runs = 4000) => {
    const got = Array.from({ length: runs }, (_, seed) => {
      const codec = of(seed);
      return numbersOf(
        codec.decode(codec.encode(tensor([values.length], values)), 'float32', [values.length]),
      )[at]!;
    });
    const mean = got.reduce((sum, one) => sum + one, 0) / runs;
    return { mean, deviation: Math.sqrt(got.reduce((sum, one) => sum + (one - mean) ** 2, 0) / runs) };
  };
  const values = noise(40, 7);

  test.each([
    ['qsgd', (seed: number) => qsgdCodec({ levels: 2, seed })],
    ['random-k, unbiased', (seed: number) => randomKCodec({ share: 0.25, unbiased: 'yes', seed })],
  ])('%s is expected to be the tensor', (_, of) => {
    for (const at of [0, 13, 39]) {
      const { mean, deviation } = spread(of, values, at);
      expect(Math.abs(mean - values[at]!)).toBeLessThan((4.5 * deviation) / Math.sqrt(4000));
    }
  });

  test('random-k takes each number as often as any other', () => {
    const counts = new Array<number>(40).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      const codec = randomKCodec({ k: 10, seed });
      const got = numbersOf(codec.decode(codec.encode(tensor([40], values)), 'float32', [40]));
      for (const [at, one] of got.entries()) if (one !== 0) counts[at]!++;
    }
    // Each is taken with probability 1/4: 2000 draws have a standard deviation of 19.4.
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(90);
  });

  test.each([
    ['qsgd', qsgdCodec()],
    ['random-k', randomKCodec({ k: 3 })],
  ])('%s draws otherwise for another peer and for other numbers', (_, codec) => {
    const one = codec.encode(tensor([40], values), 'a');
    expect(codec.encode(tensor([40], values), 'b')).not.toEqual(one);
    const near = values.map((value, at) => (at === 39 ? value * (1 + 2 ** -20) : value));
    expect(codec.encode(tensor([40], near), 'a')).not.toEqual(one);
  });
});

test('top-k keeps, of equal magnitudes, the first; and takes the time of its length, whatever is in it', () => {
  const codec = topKCodec({ k: 3 });
  const back = codec.decode(codec.encode(tensor([6], [1, -2, 2, 2, -2, 1])), 'float32', [6]);
  expect(numbersOf(back)).toEqual([0, -2, 2, 2, 0, 0]);
  for (const kept of [1, 7, 100, 333]) {
    const values = noise(1000, kept);
    const sorted = [...values.keys()].sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
    const largest = new Set(sorted.slice(0, kept));
    const of = topKCodec({ k: kept });
    const got = numbersOf(of.decode(of.encode(tensor([1000], values)), 'float32', [1000]));
    expect(got).toEqual(values.map((one, at) => (largest.has(at) ? one : 0)));
  }
});

test('positions take at most 0.8 bits more than the logarithm of how many choices there are', () => {
  for (const [count, kept] of [
    [100_000, 1000],
    [100_000, 100],
    [4096, 1024],
  ] as const) {
    let choices = 0;
    for (let one = 0; one < kept; one++) choices += Math.log2((count - one) / (kept - one));
    const bits = 8 * ((codedBytes(`top-k k=${kept}`, [count]) as number) - 4 * kept);
    expect(bits).toBeGreaterThan(choices - 8);
    expect(bits).toBeLessThan(choices + 0.8 * kept + 8);
  }
});

test('low-rank loses nothing of a matrix of its rank, and of others nearly what the best one loses', () => {
  const [rows, columns, rank] = [30, 20, 3];
  const [left, right] = [noise(rows * rank, 1), noise(columns * rank, 2)];
  const exact = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return [0, 1, 2].reduce((sum, one) => sum + left[row * rank + one]! * right[column * rank + one]!, 0);
  });
  const codec = lowRankCodec({ rank });
  const through = (values: Reals): Reals =>
    numbersOf(codec.decode(codec.encode(tensor([rows, columns], values)), 'float32', [rows, columns]));
  expect(norm(minus(through(exact), exact))).toBeLessThan(1e-5 * norm(exact));
  // The noise alone is what the best approximation of this rank loses at most.
  const disturbance = noise(rows * columns, 3).map((one) => one / 50);
  const disturbed = exact.map((one, at) => one + disturbance[at]!);
  expect(norm(minus(through(disturbed), disturbed))).toBeLessThan(1.02 * norm(disturbance));
});

test('product-quantised says exactly what has few different subvectors, and noise better than one number for all', () => {
  const codec = productCodec({ length: 4, centroids: 16 });
  const through = (values: Reals): Reals =>
    numbersOf(codec.decode(codec.encode(tensor([values.length], values)), 'float32', [values.length]));
  const words = noise(15 * 4, 11);
  const few = Array.from({ length: 400 }, (_, at) => words[4 * ((7 * Math.floor(at / 4)) % 15) + (at % 4)]!);
  expect(through(few)).toEqual(few);
  // A codebook by hand that is no worse: the corners of ±1/2 in four dimensions, one of them given to zero.
  const values = noise(4000, 12);
  const lost = norm(minus(through(values), values)) ** 2 / values.length;
  expect(lost).toBeLessThan(1 / 12 + 1 / 48);
});
