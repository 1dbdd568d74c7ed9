// The standard normal distribution's quantile from 32 random bits: algorithm AS 241 (Wichura 1988, PPND16), in
// float64 and in nothing but + − × ÷ √ and comparisons, each of which IEEE 754 rounds in one way only. Written once,
// over an arithmetic: of JavaScript's numbers for initial weights, of ONNX ops for draws while a program runs. So both give
// the same bits on every machine and backend, which a logarithm of the platform would not.

/** What the algorithm needs of numbers. */
export interface Arithmetic<T> {
  number(value: number): T;
  add(a: T, b: T): T;
  subtract(a: T, b: T): T;
  multiply(a: T, b: T): T;
  divide(a: T, b: T): T;
  squareRoot(a: T): T;
  /** `then` where a < b, else `otherwise`. */
  choose(a: T, b: T, then: T, otherwise: T): T;
}

// Coefficients of the paper, from the highest power down.
const CENTRAL = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
    1971.5909503065513, 133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
    687.1870074920579, 42.31333070160091, 1,
  ],
] as const;
const TAIL = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
] as const;

/** The quantile at (word + ½) / 2³² for a word of random bits, as a whole number from 0 to 2³² − 1. */
export function normalQuantile<T>(n: Arithmetic<T>, word: T): T {
  const p = n.multiply(n.add(word, n.number(0.5)), n.number(2 ** -32));
  const q = n.subtract(p, n.number(0.5));
  const square = n.multiply(q, q);
  const middle = n.multiply(q, ratio(n, CENTRAL, n.subtract(n.number(0.180625), square)));
  const below = n.choose(q, n.number(0), p, n.subtract(n.number(1), p));
  // Beyond 5 the paper has a third piece, which starts at probabilities below 2⁻³⁶.
  const distance = n.subtract(n.squareRoot(negativeLog(n, below)), n.number(1.6));
  const tail = ratio(n, TAIL, distance);
  const signed = n.choose(q, n.number(0), n.subtract(n.number(0), tail), tail);
  return n.choose(square, n.number(0.425 * 0.425), middle, signed);
}

function ratio<T>(
  n: Arithmetic<T>,
  [above, below]: readonly [readonly number[], readonly number[]],
  x: T,
): T {
  return n.divide(polynomial(n, above, x), polynomial(n, below, x));
}

function polynomial<T>(n: Arithmetic<T>, [first, ...rest]: readonly number[], x: T): T {
  return rest.reduce<T>((sum, next) => n.add(n.multiply(sum, x), n.number(next)), n.number(first!));
}

/** −log x for x from 2⁻³³ to ½: halvings are counted off, and 2·artanh((x − 1) / (x + 1)) is left. */
function negativeLog<T>(n: Arithmetic<T>, x: T): T {
  let halvings = n.number(0);
  let rest = x;
  for (const step of [16, 16, 8, 4, 2, 1]) {
    const [edge, scaled] = [n.number(2 ** -step), n.multiply(rest, n.number(2 ** step))];
    halvings = n.choose(rest, edge, n.add(halvings, n.number(step)), halvings);
    rest = n.choose(rest, edge, scaled, rest);
  }
  const z = n.divide(n.subtract(n.number(1), rest), n.add(rest, n.number(1)));
  const series = polynomial(n, ARTANH, n.multiply(z, z));
  return n.add(n.multiply(halvings, n.number(Math.LN2)), n.multiply(n.multiply(z, n.number(2)), series));
}
/** artanh(z) / z in powers of z², which is at most 1/9: the last term is below 2⁻⁴⁸. */
const ARTANH = Array.from({ length: 16 }, (_, index) => 1 / (31 - 2 * index));

const numbers: Arithmetic<number> = {
  number: (value) => value,
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  squareRoot: Math.sqrt,
  choose: (a, b, then, otherwise) => (a < b ? then : otherwise),
};

/** The standard normal number of a word of random bits. */
export const normalOf = (word: number): number => normalQuantile(numbers, word);
