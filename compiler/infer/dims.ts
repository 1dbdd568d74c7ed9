// Arithmetic on dimensions that may be numbers, expressions over names (ir/size.ts) or unknown.
//
// A name stands for one size wherever it occurs. Two different names may or may not be the same size, so
// only numbers can contradict each other.

import { modelLimits } from '../../ir/onnx/limits.ts';
import {
  addSizes,
  divideSizeExactly,
  floorDivideSize,
  leastSize,
  multiplySizes,
  subtractSizes,
} from '../../ir/size.ts';
import type { Dim, Shape } from '../../ir/types.ts';

/** A graph that cannot run: what is wrong, in words that follow "op X: ". Caught once per op by the evaluator. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction';
}

export const formatDims = (dims: Shape): string =>
  dims === undefined ? 'of unknown rank' : `[${dims.map((dim) => dim ?? '?').join(', ')}]`;

/** Throws {@link Contradiction} for a rank that no tensor has, which only a broken file can ask for. */
export function unknownDims(rank: number): Dim[] {
  checkRank(rank);
  return new Array<Dim>(rank).fill(null);
}

/** As {@link unknownDims}: ranks that add up from op to op would take all memory. */
export function checkRank(rank: number): void {
  if (!Number.isInteger(rank) || rank < 0 || rank > modelLimits.rank)
    throw new Contradiction(`a tensor of rank ${rank}`);
}

/** An axis counted from the front; throws {@link Contradiction} if the rank has no such axis. */
export function axisOf(axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank) throw new Contradiction(`axis ${axis} is outside rank ${rank}`);
  return front;
}

/** Both describe the same dimension: the more specific wins, the first of two names. */
export function unifyDim(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') {
    if (typeof b === 'number' && a !== b) throw new Contradiction(`dimensions ${a} and ${b} differ`);
    return a;
  }
  return typeof b === 'number' ? b : (a ?? b);
}

/** What is known of a value that has one of two shapes. */
export function joinShapes(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
  return a.map((dim, axis) => (dim === b[axis] ? dim : null));
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a === b || (a?.length === b?.length && (a?.every((dim, axis) => dim === b?.[axis]) ?? false));

/** The broadcast of two dimensions; undefined if there is none. */
function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number') return typeof b === 'number' ? undefined : a;
  // Not 1 on one side: the other side is that, or 1.
  return typeof b === 'number' ? b : null;
}

/** The shape of an elementwise result (numpy's rule); throws {@link Contradiction} if there is none. */
export function broadcast(shapes: readonly Shape[]): Shape {
  let result: readonly Dim[] = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    const [long, short] = shape.length > result.length ? [shape, result] : [result, shape];
    const offset = long.length - short.length;
    result = long.map((dim, axis) => {
      const both = axis < offset ? dim : broadcastDim(dim, short[axis - offset]!);
      if (both === undefined) {
        throw new Contradiction(`shapes do not broadcast: ${shapes.map(formatDims).join(' and ')}`);
      }
      return both;
    });
  }
  return result;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (a === 0) return b;
  if (b === 0) return a;
  return typeof a === 'number' && typeof b === 'number' ? a + b : addSizes(a, b);
}

export function subtractDims(a: Dim, b: Dim): Dim {
  if (b === 0) return a;
  return typeof a === 'number' && typeof b === 'number' ? a - b : subtractSizes(a, b);
}

export const sumDims = (dims: readonly Dim[]): Dim => dims.reduce(addDims, 0);

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  if (b === 1) return a;
  return typeof a === 'number' && typeof b === 'number' ? a * b : multiplySizes(a, b);
}

/** The number of elements. */
export const productOfDims = (dims: readonly Dim[]): Dim => dims.reduce(multiplyDims, 1);

/** `dim / divisor`, which must leave no rest. */
export function divideDim(dim: Dim, divisor: number): Dim {
  if (divisor === 1) return dim;
  if (divisor === 0) return null;
  if (typeof dim !== 'number') return floorDim(dim, divisor);
  if (dim % divisor !== 0) throw new Contradiction(`dimension ${dim} does not divide by ${divisor}`);
  return dim / divisor;
}

/** `dim / divisor` rounded down, for a divisor that is positive. */
export const floorDim = (dim: Dim, divisor: number): Dim =>
  typeof dim === 'number' ? Math.floor(dim / divisor) : floorDivideSize(dim, divisor);

/** `dim / divisor` rounded up. */
export const ceilDim = (dim: Dim, divisor: number): Dim => floorDim(addDims(dim, divisor - 1), divisor);

/** Whether `a >= b` holds whatever the names stand for. */
export const isAtLeast = (a: Dim, b: Dim): boolean =>
  a !== null && b !== null && (a === b || leastSize(subtractDims(a, b)) >= 0);

/** A dimension, if the number is one: a whole number that is not negative. */
export const dimOf = (value: Dim | undefined): Dim =>
  value === undefined || (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0))
    ? null
    : value;

/**
 * The size that makes `total` elements of the dimensions `known`: what -1 stands for in a reshape.
 * Equal sizes cancel, and so do numbers; null where what remains is no product.
 */
export function remainingDim(total: readonly Dim[], known: readonly Dim[]): Dim {
  const names = total.filter((dim) => typeof dim !== 'number');
  const count = total.reduce<number>(
    (product, dim) => (typeof dim === 'number' ? product * dim : product),
    1,
  );
  let divisor = 1;
  for (const dim of known) {
    if (typeof dim === 'number') divisor *= dim;
    else {
      const at = dim === null ? -1 : names.indexOf(dim);
      if (at < 0) return null;
      names.splice(at, 1);
    }
  }
  if (divisor === 0) return null;
  if (names.length === 0) {
    if (count % divisor !== 0) throw new Contradiction(`${count} elements do not divide by ${divisor}`);
    return count / divisor;
  }
  const elements = multiplyDims(names.reduce(multiplyDims, 1), count);
  return divideSizeExactly(elements, divisor) ?? floorDim(elements, divisor);
}
