// Functions of one number that JavaScript does not have.

/** To the nearest whole number, ties to even. */
export function roundEven(a: number): number {
  if (!(Math.abs(a) < 2 ** 52)) return a;
  const rounded = a < 0 || Object.is(a, -0) ? -(-a + 2 ** 52 - 2 ** 52) : a + 2 ** 52 - 2 ** 52;
  return rounded;
}

/** The error function: 2/√π e^(-x²) Σ 2^n x^(2n+1) / (2n+1)!!, whose terms are all of one sign. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (!(size > 0)) return x;
  const square = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= square / n;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** log(1 + e^x), without overflow. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const sigmoid = (x: number): number => {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const small = Math.exp(x);
  return small / (1 + small);
};
