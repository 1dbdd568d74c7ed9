// Whether a tensor is what was expected; if not, why not, in one line.

import {
  type DataValue,
  formatType,
  isTensor,
  type SequenceValue,
  type Tensor,
  tensorType,
  typeOfData,
} from '../../ir/index.ts';
import { type Element, elementsOf } from '../tensors/elements.ts';

const typeText = ({ dtype, dims }: Tensor): string => formatType(tensorType(dtype, dims));

export function typeDifference(actual: Tensor, expected: Tensor): string | undefined {
  const [a, b] = [typeText(actual), typeText(expected)];
  return a === b ? undefined : `it is ${a}, expected ${b}`;
}

export const sameBits = (a: Tensor, b: Tensor): boolean =>
  typeDifference(a, b) === undefined && Buffer.from(a.bytes).equals(b.bytes);

/**
 * Equal strings; otherwise |actual - expected| <= atol + rtol * |expected|, with NaN equal to NaN. Undefined:
 * the tensors agree.
 */
export function difference(
  actual: Tensor,
  expected: Tensor,
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
): string | undefined {
  const types = typeDifference(actual, expected);
  if (types !== undefined || sameBits(actual, expected)) return types;
  const [as, es] = [elementsOf(actual), elementsOf(expected)];
  let wrong = 0;
  let worst = 0;
  let example = 0;
  as.forEach((a, index) => {
    const e = es[index]!;
    const distance = distanceOf(a, e);
    // A tolerance relative to NaN is none.
    if (distance === 0 || distance <= (typeof e === 'string' ? 0 : atol + rtol * Math.abs(Number(e)))) return;
    if (wrong === 0 || distance > worst) [worst, example] = [distance, index];
    wrong++;
  });
  if (wrong === 0) return undefined;
  const figure = typeof as[0] === 'string' ? '' : `, by up to ${worst.toPrecision(3)}`;
  return `${wrong} of ${as.length} elements differ${figure}: [${example}] is ${String(as[example])}, expected ${String(es[example])}`;
}

/** Infinite where elements differ in a way that no tolerance covers. */
function distanceOf(a: Element, e: Element): number {
  if (Object.is(a, e) || a === e) return 0;
  if (typeof a === 'bigint' && typeof e === 'bigint') return Math.abs(Number(a - e));
  const distance = Math.abs(Number(a) - Number(e));
  return Number.isNaN(distance) || typeof a === 'string' ? Number.POSITIVE_INFINITY : distance;
}

/** Largest difference of two tensors of numbers of one type and shape; 0 for equal bits. */
export function maxAbsDiff(a: Tensor, b: Tensor): number {
  if (typeDifference(a, b) !== undefined) return Number.POSITIVE_INFINITY;
  if (sameBits(a, b)) return 0;
  const other = elementsOf(b);
  return elementsOf(a).reduce(
    (most: number, one, index) => Math.max(most, distanceOf(one, other[index]!)),
    0,
  );
}

/** How two tensors differ; undefined: not in a way that matters. */
export type Compare = (actual: Tensor, expected: Tensor) => string | undefined;

export const bitDifference: Compare = (actual, whole) =>
  sameBits(actual, whole)
    ? undefined
    : `not the bits of the uncut run: ${difference(actual, whole, { rtol: 0, atol: 0 }) ?? 'only in NaN or -0'}`;

/** How two values differ, by the first of their tensors that does. */
export function dataDifference(actual: DataValue, expected: DataValue, compare: Compare): string | undefined {
  if (isTensor(actual) && isTensor(expected)) return compare(actual, expected);
  if (isSequence(actual) && isSequence(expected)) {
    const [have, want] = [actual.values, expected.values];
    if (have.length !== want.length) return `it has ${have.length} items, expected ${want.length}`;
    for (const [index, one] of have.entries()) {
      const wrong = dataDifference(one, want[index]!, compare);
      if (wrong !== undefined) return `item ${index}: ${wrong}`;
    }
    return undefined;
  }
  // What is there may come as the value itself: an output need not say that it is optional.
  const [have, want] = [contentOf(actual), contentOf(expected)];
  if (have === null || want === null)
    return have === want
      ? undefined
      : `it is ${have ? '' : 'not '}there, expected ${want ? '' : 'not '}to be`;
  if (have === actual && want === expected)
    return `it is ${formatType(typeOfData(have))}, expected ${formatType(typeOfData(want))}`;
  return dataDifference(have, want, compare);
}

const isSequence = (value: DataValue): value is SequenceValue =>
  !isTensor(value) && value.kind === 'sequence';
const contentOf = (value: DataValue): DataValue | null =>
  !isTensor(value) && value.kind === 'optional' ? value.value : value;
