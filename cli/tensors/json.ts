// Tensors as JSON: `{ "x": { "dtype": "float32", "dims": [2], "data": [1, 2] } }`, or nested arrays for `x`.

import { type DType, isDType, LimitError, type Tensor } from '../../ir/index.ts';
import { type Element, elementsOf, tensorFrom } from './elements.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTensor = (value: unknown): boolean => isRecord(value) && 'data' in value && 'dtype' in value;

/** Whether the document is one tensor and not a record of them. */
export const isOneTensor = (document: unknown): boolean => !isRecord(document) || isTensor(document);

/**
 * One tensor. A bare number or nested arrays get the type `expected`, or float32, bool or string by their first
 * element. Throws Error with what is wrong.
 */
export function tensorOfJson(value: unknown, expected: DType | null): Tensor {
  if (isTensor(value)) {
    const { dtype, dims, data } = value as { dtype: unknown; dims?: unknown; data: unknown };
    if (typeof dtype !== 'string' || !isDType(dtype)) throw new Error(`no dtype is called ${String(dtype)}`);
    const nested = flatten(data);
    if (dims === undefined) return tensorFrom(dtype, nested.dims, nested.elements);
    if (!Array.isArray(dims) || !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      throw new Error('its dims are not a list of sizes');
    }
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

/** Flat data; whole numbers that JSON readers would round, and NaN and the infinities, as text. */
export function jsonOfTensor(tensor: Tensor): { dtype: DType; dims: readonly number[]; data: unknown[] } {
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
