// The arithmetic under shuffling and sharding.

import { expect, test } from 'vitest';
import { streamOf } from '../../stdlib/data/philox.ts';
import { exp, log } from '../../stdlib/data/real.ts';

test('log and exp are within a few units of the last place of those of Math', () => {
  const random = streamOf(1, 'shuffle');
  for (let count = 0; count < 2000; count++) {
    const x = random.fraction() * 10 ** (random.below(40) - 20);
    expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(Math.log(x))));
    const y = (random.fraction() - 0.5) * 200;
    expect(Math.abs(exp(y) / Math.exp(y) - 1)).toBeLessThan(1e-15);
  }
  expect([log(1), exp(0), exp(-1000)]).toEqual([0, 1, 0]);
});

test('numbers below a bound are each equally likely', () => {
  const random = streamOf(3, 'part');
  const counts = new Array<number>(7).fill(0);
  for (let draw = 0; draw < 7000; draw++) counts[random.below(7)]!++;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
});
