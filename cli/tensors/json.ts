// Values as JSON: `{ "x": { "dtype": "float32", "dims": [2], "data": [1, 2] } }`, or nested arrays for `x`. What is no
// tensor says so: `{ "kind": "sequence", "values": […] }`, `{ "kind": "optional", "value": … }` with null for none,
// `{ "kind": "sparse", "dims": […], "values": …, "indices": … }`.

import {
  type DataValue,
  type DType,
  isDType,
  isTensor as isOneTensor,
  LimitError,
  sparseProblem,
  type Tensor,
  type ValueType,
} from '../../ir/index.ts';
import { type Element, elementsOf, tensorFrom } from './elements.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTensor = (value: unknown): boolean => isRecord(value) && 'data' in value && 'dtype' in value;

const isContainer = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && typeof value.kind === 'string';

/** Whether the document is one value and not a record of them. */
export const isOneValue = (document: unknown): boolean =>
  !isRecord(document) || isTensor(document) || isContainer(document);

/** Deeper than any type of ONNX. */
const MAX_NESTING = 16;

/** One value; where a tensor is expected, as {@link tensorOfJson}. Throws Error with what is wrong. */
export function valueOfJson(value: unknown, expected: ValueType | undefined, depth = 0): DataValue {
  if (depth > MAX_NESTING) throw new LimitError('containers within one another', MAX_NESTING);
  const elem = expected?.kind === 'sequence' || expected?.kind === 'optional' ? expected.elem : undefined;
  const inner = (one: unknown): DataValue => valueOfJson(one, elem, depth + 1);
  if (!isContainer(value)) {
    // What the type says need not be said again.
    if (expected?.kind === 'sequence' && Array.isArray(value))
      return { kind: 'sequence', values: value.map(inner) };
    if (expected?.kind === 'optional')
      return { kind: 'optional', value: value === null ? null : inner(value) };
    return tensorOfJson(value, expected?.kind === 'tensor' ? (expected.dtype ?? null) : null);
  }
  const { kind, values, value: content, dims, indices } = value;
  switch (kind) {
    case 'sequence':
      if (!Array.isArray(values)) throw new Error('the values of a sequence are a list');
      return { kind, values: values.map(inner) };
    case 'optional':
      return { kind, value: content === null || content === undefined ? null : inner(content) };
    case 'sparse': {
      if (!isSizes(dims)) throw new Error('its dims are not a list of sizes');
      const sparse = {
        kind,
        dims,
        values: tensorOfJson(values, null),
        indices: tensorOfJson(indices, 'int64'),
      } as const;
      const problem = sparseProblem(sparse);
      if (problem !== undefined) throw new Error(problem);
      return sparse;
    }
    default:
      throw new Error(`no value is called ${String(kind)}`);
  }
}

const isSizes = (dims: unknown): dims is number[] =>
  Array.isArray(dims) && dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0);

/**
 * One tensor. A bare number or nested arrays get the type `expected`, or float32, bool or string by their first
 * element. Throws Error with what is wrong.
 */
function tensorOfJson(value: unknown, expected: DType | null): Tensor {
  if (isTensor(value)) {
    const { dtype, dims, data } = value as { dtype: unknown; dims?: unknown; data: unknown };
    if (typeof dtype !== 'string' || !isDType(dtype)) throw new Error(`no dtype is called ${String(dtype)}`);
    const nested = flatten(data);
    if (dims === undefined) return tensorFrom(dtype, nested.dims, nested.elements);
    if (!isSizes(dims)) throw new Error('its dims are not a list of sizes');
    return tensorFrom(dtype, dims, nested.elements);
  }
  const { dims, elements } = flatten(value);
  return tensorFrom(expected ?? guess(elements[0]), dims, elements);
}

const guess = (element: Element | undefined): DType =>
  typeof element === 'boolean' ? 'bool' : typeof element === 'string' ? 'string' : 'float32';

/** As in NumPy. */
const MAX_DIMENSIONS = 64;

/** Elements and shape of nested arrays, which must not be ragged. */
function flatten(value: unknown): { dims: number[]; elements: Element[] } {
  const dims: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) {
    if (dims.length === MAX_DIMENSIONS) throw new LimitError('arrays within one another', MAX_DIMENSIONS);
    dims.push(level.length);
  }
  const elements: Element[] = [];
  const visit = (one: unknown, depth: number): void => {
    if (depth < dims.length) {
      if (!Array.isArray(one) || one.length !== dims[depth]) throw new Error('its arrays are ragged');
      for (const inner of one) visit(inner, depth + 1);
    } else if (typeof one === 'number' || typeof one === 'boolean' || typeof one === 'string') {
      elements.push(one);
    } else
      throw new Error(
        `${one === null ? 'null' : `an ${Array.isArray(one) ? 'array' : 'object'}`} is no element`,
      );
  };
  visit(value, 0);
  return { dims, elements };
}

/** As {@link valueOfJson} reads it. */
export function jsonOfValue(value: DataValue): object {
  if (isOneTensor(value)) return jsonOfTensor(value);
  switch (value.kind) {
    case 'sequence':
      return { ...value, values: value.values.map(jsonOfValue) };
    case 'optional':
      return { ...value, value: value.value && jsonOfValue(value.value) };
    case 'sparse':
      return { ...value, values: jsonOfTensor(value.values), indices: jsonOfTensor(value.indices) };
  }
}

/** Flat data; whole numbers that JSON readers would round, and NaN and the infinities, as text. */
function jsonOfTensor(tensor: Tensor): { dtype: DType; dims: readonly number[]; data: unknown[] } {
  const data = elementsOf(tensor).map((element) => {
    if (typeof element === 'bigint') {
      const number = Number(element);
      return Number.isSafeInteger(number) ? number : String(element);
    }
    if (typeof element !== 'number') return element;
    // JSON writes -0 as 0.
    return Number.isFinite(element) && !Object.is(element, -0)
      ? element
      : Object.is(element, -0)
        ? '-0'
        : String(element);
  });
  return { dtype: tensor.dtype, dims: tensor.dims, data };
}
