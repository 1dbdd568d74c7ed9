// log and exp from operations that IEEE 754 rounds in one way only: those of Math may differ from engine to engine, and
// then shards would.

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** Natural logarithm of a finite x > 0, within 2 ulp. */
export function log(x: number): number {
  let [mantissa, exponent] = [x, 0];
  while (mantissa >= Math.SQRT2) [mantissa, exponent] = [mantissa / 2, exponent + 1];
  while (mantissa < Math.SQRT1_2) [mantissa, exponent] = [mantissa * 2, exponent - 1];
  // log m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let power = 21; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return exponent * LN2_HIGH + (2 * s * sum + exponent * LN2_LOW);
}

/** e to the power of x, within 2 ulp; 0 below -700. */
export function exp(x: number): number {
  if (x < -700) return 0;
  const exponent = Math.round(x / Math.LN2);
  const rest = x - exponent * LN2_HIGH - exponent * LN2_LOW;
  let sum = 1;
  for (let term = 16; term >= 1; term--) sum = 1 + (sum * rest) / term;
  // Powers of two are exact.
  let scale = 1;
  for (let left = Math.abs(exponent); left > 0; left--) scale *= 2;
  return exponent < 0 ? sum / scale : sum * scale;
}
