// A secret in n shares, any t of which give it back and fewer say nothing: Shamir, How to Share a Secret, 1979, byte by byte
// over GF(2⁸) with AES's polynomial x⁸ + x⁴ + x³ + x + 1. A share's x is 1 to 255, so there are at most 255.

export const MOST_SHARES = 255;

/** Powers of the generator 3, twice over, so that sums of two logarithms need no reduction; and their logarithms. */
const power = new Uint8Array(510);
const logarithm = new Uint8Array(256);
for (let at = 0, value = 1; at < 255; at++) {
  power[at] = value;
  power[at + 255] = value;
  logarithm[value] = at;
  value ^= (value << 1) ^ (value & 0x80 ? 0x11b : 0);
}
const multiply = (a: number, b: number): number =>
  a === 0 || b === 0 ? 0 : power[logarithm[a]! + logarithm[b]!]!;
const divide = (a: number, b: number): number => (a === 0 ? 0 : power[logarithm[a]! + 255 - logarithm[b]!]!);

/**
 * The share at `x` of a secret: the value there of one polynomial a byte, whose constant is the secret's byte.
 * `coefficients` are the others, (t − 1) for each byte, and must be secret and random. Throws a RangeError for another x.
 */
export function shareAt(x: number, secret: Uint8Array, coefficients: Uint8Array): Uint8Array {
  checkPoint(x);
  const degree = coefficients.length / secret.length;
  if (!Number.isInteger(degree)) throw new RangeError('the coefficients are not as many for each byte');
  return secret.map((byte, at) => {
    let value = 0;
    for (let order = degree - 1; order >= 0; order--)
      value = multiply(value, x) ^ coefficients[order * secret.length + at]!;
    return multiply(value, x) ^ byte;
  });
}

export interface Share {
  readonly x: number;
  readonly bytes: Uint8Array;
}

/** The secret, of as many shares as it takes: Lagrange interpolation at 0. Throws a RangeError for shares that are none. */
export function combine(shares: readonly Share[]): Uint8Array {
  const [first] = shares;
  if (first === undefined) throw new RangeError('there are no shares');
  for (const { x, bytes } of shares) {
    checkPoint(x);
    if (bytes.length !== first.bytes.length) throw new RangeError('the shares are not of one length');
  }
  if (new Set(shares.map(({ x }) => x)).size < shares.length)
    throw new RangeError('two shares are of one point');
  const weights = shares.map(({ x }) =>
    shares.reduce(
      (weight, other) => (other.x === x ? weight : multiply(weight, divide(other.x, other.x ^ x))),
      1,
    ),
  );
  return first.bytes.map((_, at) =>
    shares.reduce((sum, { bytes }, which) => sum ^ multiply(weights[which]!, bytes[at]!), 0),
  );
}

function checkPoint(x: number): void {
  if (!(Number.isInteger(x) && x >= 1 && x <= MOST_SHARES)) throw new RangeError(`no share is at ${x}`);
}
