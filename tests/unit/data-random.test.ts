// The arithmetic under shuffling and sharding, against what its authors publish.

import { expect, test } from 'vitest';
import { philox, Random } from '../../stdlib/data/philox.ts';
import { exp, log } from '../../stdlib/data/real.ts';

test('Philox 4x32-10 gives the words of Random123’s known answers', () => {
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const ones = 0xffffffff;
  expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([
    0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
  ]);
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});

test('log and exp are within a few units of the last place of those of Math', () => {
  const random = new Random(1, 'shuffle');
  for (let count = 0; count < 2000; count++) {
    const x = random.fraction() * 10 ** (random.below(40) - 20);
    expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(Math.log(x))));
    const y = (random.fraction() - 0.5) * 200;
    expect(Math.abs(exp(y) / Math.exp(y) - 1)).toBeLessThan(1e-15);
  }
  expect([log(1), exp(0), exp(-1000)]).toEqual([0, 1, 0]);
});

test('numbers below a bound are each equally likely', () => {
  const random = new Random(3, 'part');
  const counts = new Array<number>(7).fill(0);
  for (let draw = 0; draw < 7000; draw++) counts[random.below(7)]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
});
