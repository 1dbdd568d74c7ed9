// The generator against the published test vectors of Random123 (kat_vectors, philox4x32 10).

import { describe, expect, test } from 'vitest';
import { normalOf } from '../../dsl/random/quantile.ts';
import { foldKey, hashName, keyOf, philox, randomWords } from '../../ir/philox.ts';

const hex = (text: string): number[] => text.split(' ').map((word) => Number.parseInt(word, 16));

describe('philox 4x32-10', () => {
  test.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('at counter %s with key %s gives the published words', (counter, key, words) => {
    expect(philox(hex(key) as never, hex(counter) as never)).toEqual(hex(words));
  });

  test('a stream is the blocks at the counters 0, 1, 2 …, cut to length', () => {
    const key = keyOf(7n);
    const blocks = [0, 1, 2].flatMap((block) => philox(key, [block, 0, 0, 0]));
    expect([...randomWords(key, 10)]).toEqual(blocks.slice(0, 10));
  });

  test('folding numbers and names gives keys that differ', () => {
    const key = keyOf(7n);
    const folds = [0n, 1n, -1n, 2n ** 63n, hashName('a'), hashName('b')].map((data) =>
      foldKey(key, data).join(),
    );
    expect(new Set([key.join(), ...folds]).size).toBe(7);
  });
});

test('normal numbers are the quantiles that Python’s statistics.NormalDist gives', () => {
  const known: readonly (readonly [number, number])[] = [
    [0, -6.337957754553789],
    [1, -6.166429517819749],
    [2 ** 20, -3.4871039765916896],
    [123456789, -1.899573995506065],
    [326417514, -1.4325027208192986],
    [2 ** 31, 2.9180993729166234e-10],
    [0xfffffff0, 5.78577796547104],
    [0xffffffff, 6.337957754553789],
  ];
  for (const [word, quantile] of known) {
    expect(Math.abs(normalOf(word) / quantile - 1), `${word}`).toBeLessThan(1e-14);
  }
});
