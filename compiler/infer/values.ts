// Data propagation: the elements of small tensors that shape arithmetic makes, followed through the ops that
// make them. Shape → Gather → Mul → Concat → Reshape is how exporters write "flatten all but the batch".

import { type Dim, type DType, elementCount, type Shape } from '../../ir/types.ts';
import {
  addDims,
  floorDim,
  isAtLeast,
  multiplyDims,
  productOfDims,
  sameShape,
  subtractDims,
} from './dims.ts';
import { type Known, knownOfWeight, MAX_KNOWN_ELEMENTS, scalarOf, vectorOf } from './known.ts';
import { shapeSlice } from './shapes/create.ts';
import type { OpView } from './view.ts';

/** Known elements of the outputs; `shapes` and `dtype` are what is already inferred of them. */
type ValueRule = (
  op: OpView,
  shapes: readonly Shape[],
  dtype: DType | undefined,
) => readonly (Known | undefined)[];

/** A shape whose elements we may hold. */
const smallShape = (dims: Shape): readonly number[] | undefined =>
  (elementCount(dims) ?? MAX_KNOWN_ELEMENTS + 1) <= MAX_KNOWN_ELEMENTS
    ? (dims as readonly number[])
    : undefined;

/** The same elements under the output's shape. */
const reshaped: ValueRule = (op, shapes) => {
  const known = op.known(0);
  const dims = smallShape(shapes[0]);
  return [
    known && dims && elementCount(dims) === known.elems.length ? { dims, elems: known.elems } : undefined,
  ];
};

/** For each element of a result of shape `dims`, the index of the element of `from` that broadcasting puts there. */
function broadcastIndices(from: readonly number[], dims: readonly number[]): number[] {
  const offset = dims.length - from.length;
  return Array.from({ length: elementCount(dims)! }, (_, flat) => {
    let [rest, stride, index] = [flat, 1, 0];
    for (let axis = dims.length - 1; axis >= offset; axis--) {
      const size = from[axis - offset]!;
      const at = rest % dims[axis]!;
      rest = Math.floor(rest / dims[axis]!);
      if (size !== 1) index += at * stride;
      stride *= size;
    }
    return index;
  });
}

const isInteger = (dtype: DType | undefined): boolean => /^u?int\d+$/.test(dtype ?? '');

/** A result as its element type holds it; null where it overflows or is not exactly known. */
function rounded(value: number, dtype: DType | undefined): Dim {
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float64') return value;
  if (dtype === 'bool') return value === 0 ? 0 : 1;
  return isInteger(dtype) && Number.isSafeInteger(value) ? value : null;
}

function elementwise(combine: (elems: readonly Dim[], op: OpView) => Dim | number): ValueRule {
  return (op, shapes, dtype) => {
    const dims = smallShape(shapes[0]);
    const inputs = op.op.inputs.map((_, index) => op.known(index));
    // An op without the inputs that it must have has no value either.
    if (dims === undefined || inputs.length === 0 || !inputs.every((known) => known !== undefined)) return [];
    const columns = inputs.map((known) => broadcastIndices(known.dims, dims).map((at) => known.elems[at]!));
    const elems = Array.from({ length: elementCount(dims)! }, (_, flat): Dim => {
      const result = combine(
        columns.map((column) => column[flat]!),
        op,
      );
      return typeof result === 'number' ? rounded(result, dtype) : result;
    });
    return [{ dims, elems }];
  };
}

/** For functions of numbers only. */
const numeric = (compute: (...numbers: number[]) => number): ValueRule =>
  elementwise((elems) =>
    elems.every((elem) => typeof elem === 'number') ? compute(...(elems as number[])) : null,
  );

/** The larger or smaller of two, where that is the same whatever the names stand for. */
const pick =
  (compute: (a: number, b: number) => number, largest: boolean) =>
  (a: Dim, b: Dim): Dim => {
    if (typeof a === 'number' && typeof b === 'number') return compute(a, b);
    return isAtLeast(a, b) ? (largest ? a : b) : isAtLeast(b, a) ? (largest ? b : a) : null;
  };
const larger = pick(Math.max, true);
const smaller = pick(Math.min, false);

/** A comparison: decided by numbers, or by what holds whatever the names stand for. */
const compare = (
  numbers: (a: number, b: number) => boolean,
  decided: (a: Dim, b: Dim) => boolean | null,
): ValueRule =>
  elementwise(([a, b]) => {
    const holds =
      typeof a === 'number' && typeof b === 'number'
        ? numbers(a, b)
        : a === null || b === null
          ? null
          : decided(a!, b!);
    return holds === null ? null : holds ? 1 : 0;
  });

/** Names stand for whole numbers, so that a is larger than b if it is at least b + 1. */
const isLarger = (a: Dim, b: Dim): boolean => isAtLeast(a, addDims(b, 1));

const divide = elementwise(([a, b], op) => {
  if (b === 1) return a!;
  if (typeof b !== 'number' || b === 0) return null;
  // Rounded towards zero, which is down for what is not negative.
  if (typeof a !== 'number')
    return isInteger(op.dtype(0)) && b > 0 && isAtLeast(a!, 0) ? floorDim(a!, b) : null;
  return isInteger(op.dtype(0)) ? Math.trunc(a / b) : a / b;
});

const modulo = elementwise(([a, b], op) => {
  if (typeof b !== 'number' || b === 0) return null;
  if (typeof a !== 'number')
    return b > 0 && isAtLeast(a!, 0) ? subtractDims(a!, multiplyDims(floorDim(a!, b), b)) : null;
  return op.int('fmod', 0) ? a % b : a - b * Math.floor(a / b);
});

const cast: ValueRule = (op, _shapes, dtype) => {
  const known = op.known(0);
  const convert = (elem: Dim): Dim => {
    if (typeof elem !== 'number')
      return isInteger(dtype) || dtype === 'float32' || dtype === 'float64' ? elem : null;
    return rounded(isInteger(dtype) ? Math.trunc(elem) : elem, dtype);
  };
  return [known && { dims: known.dims, elems: known.elems.map(convert) }];
};

function gather(op: OpView): readonly (Known | undefined)[] {
  const [data, indices] = [op.known(0), op.known(1)];
  if (data?.dims.length !== 1 || indices === undefined) return [];
  const pick = (index: Dim): Dim => (typeof index === 'number' ? (data.elems.at(index) ?? null) : null);
  return [{ dims: indices.dims, elems: indices.elems.map(pick) }];
}

function concat(op: OpView): readonly (Known | undefined)[] {
  const parts = op.op.inputs.map((_, index) => op.known(index));
  if (!parts.every((part) => part?.dims.length === 1)) return [];
  const elems = parts.flatMap((part) => part!.elems);
  return elems.length <= MAX_KNOWN_ELEMENTS ? [vectorOf(elems)] : [];
}

function slice(op: OpView): readonly (Known | undefined)[] {
  const data = op.known(0);
  const number = (attribute: string, input: number, fallback?: number): number | undefined =>
    op.ints(attribute)?.[0] ?? (op.has(input) ? op.numbers(input)?.[0] : fallback);
  const [start, end, step] = [number('starts', 1), number('ends', 2), number('steps', 4, 1)];
  if (data?.dims.length !== 1 || start === undefined || end === undefined || !step) return [];
  const size = data.elems.length;
  const clamp = (at: number, low: number, high: number): number =>
    Math.max(low, Math.min(high, at < 0 ? at + size : at));
  const [from, to] =
    step > 0
      ? [clamp(start, 0, size), clamp(end, 0, size)]
      : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  const elems: Dim[] = [];
  for (let at = from; step > 0 ? at < to : at > to; at += step) elems.push(data.elems[at]!);
  return [vectorOf(elems)];
}

function split(op: OpView, shapes: readonly Shape[]): readonly (Known | undefined)[] {
  const data = op.known(0);
  if (data?.dims.length !== 1) return [];
  let at = 0;
  const parts: Known[] = [];
  for (const dims of shapes) {
    const size = dims?.[0];
    if (typeof size !== 'number') return parts;
    parts.push(vectorOf(data.elems.slice(at, at + size)));
    at += size;
  }
  return parts;
}

/** A reduction of everything to one element. */
const reduceAll =
  (fold: (a: Dim, b: Dim) => Dim, start?: Dim): ValueRule =>
  (op, shapes, dtype) => {
    const [known, dims] = [op.known(0), smallShape(shapes[0])];
    if (known === undefined || dims === undefined || elementCount(dims) !== 1) return [];
    const result = known.elems.length === 0 ? start : known.elems.reduce((a, b) => fold(a, b));
    if (result === undefined) return [];
    return [{ dims, elems: [typeof result === 'number' ? rounded(result, dtype) : result] }];
  };

function constantOfShape(op: OpView, shapes: readonly Shape[]): readonly (Known | undefined)[] {
  const dims = smallShape(shapes[0]);
  const weight = op.tensor('value');
  const value = weight === undefined ? 0 : knownOfWeight(weight)?.elems[0];
  if (dims === undefined || value === undefined) return [];
  return [{ dims, elems: new Array<Dim>(elementCount(dims)!).fill(value) }];
}

function constant(op: OpView): readonly (Known | undefined)[] {
  const tensor = op.tensor('value');
  if (tensor !== undefined) return [knownOfWeight(tensor)];
  const scalar = op.int('value_int') ?? op.float('value_float');
  if (scalar !== undefined) return [scalarOf(scalar)];
  const list = op.ints('value_ints') ?? op.floats('value_floats');
  return [list && list.length <= MAX_KNOWN_ELEMENTS ? vectorOf(list) : undefined];
}

function range(op: OpView, shapes: readonly Shape[]): readonly (Known | undefined)[] {
  const dims = smallShape(shapes[0]);
  const [start, step] = [op.numbers(0)?.[0], op.numbers(2)?.[0]];
  if (dims === undefined || start === undefined || step === undefined || !isInteger(op.dtype(0))) return [];
  return [vectorOf(Array.from({ length: dims[0]! }, (_, at) => start + at * step))];
}

const where = elementwise(([condition, a, b]) =>
  typeof condition === 'number' ? (condition ? a! : b!) : a === b ? a! : null,
);

const rules = new Map<string, ValueRule>(
  Object.entries<ValueRule>({
    Constant: constant,
    ConstantOfShape: constantOfShape,
    Shape: (op) => {
      const dims = op.dims(0);
      return [
        dims && dims.length <= MAX_KNOWN_ELEMENTS
          ? vectorOf(dims.slice(...shapeSlice(op, dims.length)))
          : undefined,
      ];
    },
    Size: (op) => {
      const dims = op.dims(0);
      return [dims && scalarOf(productOfDims(dims))];
    },
    Identity: (op) => [op.known(0)],
    Reshape: reshaped,
    Squeeze: reshaped,
    Unsqueeze: reshaped,
    Flatten: reshaped,
    Cast: cast,
    CastLike: cast,
    Gather: gather,
    Concat: concat,
    Slice: slice,
    Split: split,
    Range: range,
    Expand: (op, shapes) => {
      const [known, dims] = [op.known(0), smallShape(shapes[0])];
      return known && dims
        ? [{ dims, elems: broadcastIndices(known.dims, dims).map((at) => known.elems[at]!) }]
        : [];
    },
    Where: where,
    Add: elementwise(([a, b]) => addDims(a!, b!)),
    Sub: elementwise(([a, b]) => subtractDims(a!, b!)),
    Mul: elementwise(([a, b]) => multiplyDims(a!, b!)),
    Div: divide,
    Mod: modulo,
    Pow: numeric((a, b) => a ** b),
    Neg: elementwise(([a]) => (typeof a === 'number' ? -a : subtractDims(0, a!))),
    Abs: elementwise(([a]) => (typeof a === 'number' ? Math.abs(a) : isAtLeast(a!, 0) ? a! : null)),
    Floor: elementwise(([a]) => (typeof a === 'number' ? Math.floor(a) : a!)),
    Ceil: elementwise(([a]) => (typeof a === 'number' ? Math.ceil(a) : a!)),
    Sqrt: numeric(Math.sqrt),
    Min: elementwise((elems) => elems.reduce(smaller)),
    Max: elementwise((elems) => elems.reduce(larger)),
    ReduceProd: reduceAll(multiplyDims, 1),
    ReduceSum: reduceAll(addDims, 0),
    ReduceMin: reduceAll(smaller),
    ReduceMax: reduceAll(larger),
    Not: numeric((a) => (a ? 0 : 1)),
    And: numeric((a, b) => (a && b ? 1 : 0)),
    Or: numeric((a, b) => (a || b ? 1 : 0)),
    Equal: compare(
      (a, b) => a === b,
      (a, b) => (a === b ? true : isLarger(a, b) || isLarger(b, a) ? false : null),
    ),
    Less: compare(
      (a, b) => a < b,
      (a, b) => (isLarger(b, a) ? true : isAtLeast(a, b) ? false : null),
    ),
    LessOrEqual: compare(
      (a, b) => a <= b,
      (a, b) => (isAtLeast(b, a) ? true : isLarger(a, b) ? false : null),
    ),
    Greater: compare(
      (a, b) => a > b,
      (a, b) => (isLarger(a, b) ? true : isAtLeast(b, a) ? false : null),
    ),
    GreaterOrEqual: compare(
      (a, b) => a >= b,
      (a, b) => (isAtLeast(a, b) ? true : isLarger(b, a) ? false : null),
    ),
  }),
);

/** The known elements of an op's outputs, in order; shorter or with gaps where nothing is known. */
export const propagate: ValueRule = (op, shapes, dtype) => rules.get(op.op.type)?.(op, shapes, dtype) ?? [];

/** Whether elements are followed through this operator. */
export const propagatesElements = (type: string): boolean => rules.has(type);

/** What is known of a tensor that is one or the other. */
export function joinKnown(a: Known | undefined, b: Known | undefined): Known | undefined {
  if (a === undefined || b === undefined || !sameShape(a.dims, b.dims)) return undefined;
  return { dims: a.dims, elems: a.elems.map((elem, at) => (elem === b.elems[at] ? elem : null)) };
}
