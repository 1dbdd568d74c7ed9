// Shape rules while recording, for the operators whose shapes the types know too. They see values that the
// types do not: literals computed by the author's program, and what casts hid.

import type { Dim, Shape } from '../ir/index.ts';

/** A rule found a mistake. */
export class ShapeMistake extends Error {}

/** What a rule sees of an op. */
export interface ShapeQuery {
  /** By position; undefined where the rank is not known or the input is omitted. */
  readonly shapes: readonly Shape[];
  /** The elements of an input that is a constant of integers. */
  ints(index: number): readonly number[] | undefined;
  /** The attribute as the author wrote it. */
  readonly attributes: Readonly<Record<string, unknown>>;
}
type Rule = (query: ShapeQuery) => Shape;

const known = (dim: Dim | undefined): dim is number => typeof dim === 'number';

function broadcastShapes(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined) return undefined;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, index) => {
    const x = a[index - rank + a.length];
    const y = b[index - rank + b.length];
    if (x === undefined) return y!;
    if (y === undefined || x === y || y === 1) return x;
    if (x === 1) return y;
    if (known(x) && known(y)) throw new ShapeMistake(`shapes do not broadcast: ${x} and ${y}`);
    // A size above 1 wins over a name: the named dimension is that size, or 1.
    if (known(x)) return x;
    return known(y) ? y : null;
  });
}

const sameInner = (a: Dim, b: Dim): void => {
  if (known(a) && known(b) && a !== b) throw new ShapeMistake(`inner dimensions differ: ${a} and ${b}`);
};

function matmul(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0) throw new ShapeMistake('a scalar has no inner dimension');
  sameInner(a.at(-1)!, b.length === 1 ? b[0]! : b.at(-2)!);
  const rows = a.length === 1 ? [] : [a.at(-2)!];
  const columns = b.length === 1 ? [] : [b.at(-1)!];
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2))!, ...rows, ...columns];
}

const gemm: Rule = ({ shapes: [a, b], attributes }) => {
  if (a === undefined || b === undefined) return [null, null];
  if (a.length !== 2) throw new ShapeMistake('the first matrix does not have two dimensions');
  if (b.length !== 2) throw new ShapeMistake('the second matrix does not have two dimensions');
  const flip = (shape: readonly Dim[], flag: unknown): readonly Dim[] =>
    flag === true || flag === 1 ? [shape[1]!, shape[0]!] : shape;
  return matmul(flip(a, attributes.transA), flip(b, attributes.transB));
};

function axisIn(axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(index) || index < 0 || index >= rank) {
    throw new ShapeMistake(`axis ${axis} is not one of ${rank} dimensions`);
  }
  return index;
}
const axesIn = (axes: readonly number[], rank: number): Set<number> =>
  new Set(axes.map((axis) => axisIn(axis, rank)));

const transpose: Rule = ({ shapes: [shape], attributes }) => {
  const perm = attributes.perm as readonly number[] | undefined;
  if (shape === undefined) return perm?.map(() => null);
  if (perm === undefined) return [...shape].reverse();
  if (perm.length !== shape.length) {
    throw new ShapeMistake(`perm has ${perm.length} entries for ${shape.length} dimensions`);
  }
  const missing = shape.findIndex((_, index) => !perm.includes(index));
  if (missing >= 0) throw new ShapeMistake(`perm does not name dimension ${missing}`);
  return perm.map((index) => shape[index]!);
};

const concat: Rule = ({ shapes, attributes }) => {
  const full = shapes.filter((shape) => shape !== undefined);
  const first = full[0];
  if (first === undefined || typeof attributes.axis !== 'number') return undefined;
  const axis = axisIn(attributes.axis, first.length);
  const complete = full.length === shapes.length;
  const result: Dim[] = [...first];
  if (!complete) result[axis] = null;
  for (const shape of full.slice(1)) {
    if (shape.length !== first.length)
      throw new ShapeMistake(`ranks differ: ${first.length} and ${shape.length}`);
    shape.forEach((dim, index) => {
      const sum = result[index]!;
      if (index === axis) result[index] = known(sum) && known(dim) ? sum + dim : null;
      else if (known(sum) && known(dim) && sum !== dim) {
        throw new ShapeMistake(`dimension ${index} differs: ${sum} and ${dim}`);
      } else if (!known(sum) && known(dim)) result[index] = dim;
    });
  }
  return result;
};

/** Product of the numbers, and the other dimensions sorted by name; undefined if one is not known at all. */
function elements(shape: readonly Dim[]): { count: number; names: readonly string[] } | undefined {
  let count = 1;
  const names: string[] = [];
  for (const dim of shape) {
    if (dim === null) return undefined;
    if (known(dim)) count *= dim;
    else names.push(dim);
  }
  return { count, names: names.sort() };
}

const reshape: Rule = ({ shapes: [shape, target], ints, attributes }) => {
  const to = ints(1);
  if (to === undefined) {
    const rank = target?.[0];
    return known(rank) ? new Array<Dim>(rank).fill(null) : undefined;
  }
  if (to.filter((dim) => dim === -1).length > 1) throw new ShapeMistake('only one dimension can be -1');
  const keepsZero = attributes.allowzero === true || attributes.allowzero === 1;
  const result = to.map((dim, index): Dim => {
    if (dim < -1) throw new ShapeMistake(`${dim} is not a size`);
    if (dim !== 0 || keepsZero) return dim;
    if (shape === undefined) return null;
    if (index >= shape.length)
      throw new ShapeMistake(`0 copies dimension ${index}, but there are ${shape.length}`);
    return shape[index]!;
  });
  const hole = result.indexOf(-1);
  const given = elements(result.filter((_, index) => index !== hole));
  const had = shape && elements(shape);
  if (hole >= 0) result[hole] = had && given ? quotient(had, given, shape) : null;
  else if (had && given && had.names.length + given.names.length === 0 && had.count !== given.count) {
    throw new ShapeMistake(`${had.count} elements cannot become ${given.count}`);
  }
  return result;
};

type Elements = NonNullable<ReturnType<typeof elements>>;
/** The size that makes `given` the elements of `had`. */
function quotient(had: Elements, given: Elements, shape: readonly Dim[]): Dim {
  const left = [...had.names];
  for (const name of given.names) {
    const at = left.indexOf(name);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  if (given.count === 0) return null;
  if (left.length === 0) {
    if (had.count % given.count !== 0) {
      throw new ShapeMistake(
        `${had.count} elements do not divide by ${given.count} (from [${shape.join(', ')}])`,
      );
    }
    return had.count / given.count;
  }
  return left.length === 1 && had.count === given.count ? left[0]! : null;
}

const gather: Rule = ({ shapes: [shape, indices], attributes }) => {
  if (shape === undefined) return undefined;
  const axis = axisIn((attributes.axis as number | undefined) ?? 0, shape.length);
  return indices && [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)];
};

const squeeze: Rule = ({ shapes: [shape, axesShape], ints, attributes }) => {
  if (shape === undefined) return undefined;
  const axes = ints(1) ?? (attributes.axes as readonly number[] | undefined);
  if (axes === undefined) {
    return axesShape === undefined && shape.every(known) ? shape.filter((dim) => dim !== 1) : undefined;
  }
  const gone = axesIn(axes, shape.length);
  const wide = [...gone].map((axis) => shape[axis]!).find((dim) => known(dim) && dim !== 1);
  if (wide !== undefined) throw new ShapeMistake(`a dimension of ${wide} cannot be squeezed`);
  return shape.filter((_, index) => !gone.has(index));
};

const unsqueeze: Rule = ({ shapes: [shape], ints }) => {
  const axes = ints(1);
  if (shape === undefined || axes === undefined) return undefined;
  const rank = shape.length + axes.length;
  const ones = axesIn(axes, rank);
  if (ones.size !== axes.length) throw new ShapeMistake('an axis is named twice');
  const rest = shape.values();
  return Array.from({ length: rank }, (_, index) => (ones.has(index) ? 1 : rest.next().value!));
};

const isOff = (flag: unknown): boolean => flag === false || flag === 0;

function reduceOver(shape: Shape, axes: readonly number[] | undefined, keepdims: boolean): Shape {
  if (shape === undefined) return axes === undefined && !keepdims ? [] : undefined;
  const gone = axes === undefined ? new Set(shape.keys()) : axesIn(axes, shape.length);
  return keepdims
    ? shape.map((dim, index) => (gone.has(index) ? 1 : dim))
    : shape.filter((_, index) => !gone.has(index));
}

const reduce: Rule = ({ shapes, ints, attributes }) => {
  const [shape, axesShape] = shapes;
  const axes = ints(1) ?? (attributes.axes as readonly number[] | undefined);
  const computed = axes === undefined && (axesShape !== undefined || shapes.length > 1);
  if (computed) return isOff(attributes.keepdims) ? undefined : shape?.map(() => null);
  if (axes === undefined || axes.length === 0) {
    const noop = attributes.noop_with_empty_axes === true || attributes.noop_with_empty_axes === 1;
    return noop ? shape : reduceOver(shape, undefined, !isOff(attributes.keepdims));
  }
  return reduceOver(shape, axes, !isOff(attributes.keepdims));
};

const reduceOne: Rule = ({ shapes: [shape], attributes }) =>
  reduceOver(shape, [(attributes.axis as number | undefined) ?? 0], !isOff(attributes.keepdims));

const same: Rule = ({ shapes: [shape] }) => shape;
const rank: Rule = ({ shapes: [shape] }) => shape?.map(() => null);
const broadcast: Rule = ({ shapes }) => shapes.reduce(broadcastShapes);

/** The names of rules, as `dsl/ops/generated` refers to them. */
export const shapeRules = {
  same,
  rank,
  broadcast,
  matmul: ({ shapes: [a, b] }: ShapeQuery) => matmul(a, b),
  gemm,
  transpose,
  concat,
  reshape,
  gather,
  squeeze,
  unsqueeze,
  reduce,
  reduceOne,
  scalar: () => [],
  vector: () => [null],
  matrix: () => [null, null],
  unknown: () => undefined,
} as const satisfies Record<string, Rule>;

export type ShapeRuleName = keyof typeof shapeRules;
