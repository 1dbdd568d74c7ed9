// Shares of a secret, against arithmetic done elsewhere, and in all that must not work.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combine, shareAt } from '../../stdlib/protocols/secure-aggregation/shamir.ts';

const secret = Uint8Array.from({ length: 32 }, (_, at) => at);
/** Of degree 1, then of degree 2. */
const coefficients = Uint8Array.from({ length: 64 }, (_, at) => (at % 32) * 37 + (at < 32 ? 0 : 101) + 5);

describe('a share', () => {
  // By a multiplication bit by bit, in Python, for which 57 · 83 = c1 (FIPS 197, section 4.2).
  test.each([
    [1, '6fa4f9ae6398ad62b7eca196eba075aaffb489feb368bdf287bcf1a67bb0857a'],
    [2, 'b95f7aa2f8eee0b82c47b92c0dedc30d64b42724fede2665475a3f87fd2b85bd'],
    [7, '387a13fbb4bb0677c474bae79529d5fb91bdb6525cea02de953113c0ff2ddd3c'],
    [255, '6a2dbd992e352083037dd57c15307c83686c20c5047c4781143289ef3157849c'],
  ])('at %d is the polynomial’s value there', (x, hex) => {
    expect(Buffer.from(shareAt(x, secret, coefficients)).toString('hex')).toBe(hex);
  });

  test('of one that any share tells is the secret itself', () => {
    expect(shareAt(9, secret, new Uint8Array())).toEqual(secret);
  });

  test('is at 1 to 255 only', () => {
    for (const x of [0, 256, -1, 1.5]) expect(() => shareAt(x, secret, coefficients)).toThrow(RangeError);
    expect(() => shareAt(1, secret, new Uint8Array(33))).toThrow(RangeError);
  });
});

test('any t shares give the secret back, and one fewer gives something else', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const cases = fc.integer({ min: 2, max: 9 }).chain((t) =>
    fc.record({
      t: fc.constant(t),
      secret: bytes(4),
      others: bytes(4 * (t - 1)),
      points: fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: t, maxLength: t }),
    }),
  );
  fc.assert(
    fc.property(cases, ({ t, secret, others, points }) => {
      const shares = points.map((x) => ({ x, bytes: shareAt(x, secret, others) }));
      expect(combine(shares)).toEqual(secret);
      // With fewer, every secret is as likely: another constant fits them just as well.
      if (others.subarray(4 * (t - 2)).some((byte) => byte !== 0))
        expect(combine(shares.slice(0, t - 1))).not.toEqual(secret);
    }),
  );
});

test('shares that are none are refused', () => {
  const one = { x: 1, bytes: secret };
  expect(() => combine([])).toThrow('no shares');
  expect(() => combine([one, one])).toThrow('of one point');
  expect(() => combine([one, { x: 2, bytes: new Uint8Array(3) }])).toThrow('of one length');
  expect(() => combine([{ x: 0, bytes: secret }])).toThrow('no share is at 0');
});
