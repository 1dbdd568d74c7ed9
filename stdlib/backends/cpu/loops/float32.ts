// Arithmetic on rows of float32: written out, because a call per element costs more than the arithmetic.

/** out[at + n] = a[atA + n * stepA] ∘ b[atB + n * stepB] */
export type Float32Row = (
  a: Float32Array,
  atA: number,
  stepA: number,
  b: Float32Array,
  atB: number,
  stepB: number,
  out: Float32Array,
  at: number,
  count: number,
) => void;

export const addRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! + b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! + y;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! + b[atB + n * stepB]!;
};

export const subtractRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! - b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! - y;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! - b[atB + n * stepB]!;
};

export const multiplyRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! * b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! * y;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! * b[atB + n * stepB]!;
};

export const divideRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! / b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! / y;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! / b[atB + n * stepB]!;
};

/** sums[to + n] += factor * x[from + n * step] */
export function addScaled(
  sums: Float64Array,
  to: number,
  x: Float32Array,
  from: number,
  step: number,
  factor: number,
  count: number,
): void {
  if (step === 1) for (let n = 0; n < count; n++) sums[to + n] = sums[to + n]! + factor * x[from + n]!;
  else for (let n = 0; n < count; n++) sums[to + n] = sums[to + n]! + factor * x[from + n * step]!;
}
