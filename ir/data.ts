// Values at run time: tensors, and what holds tensors.

import { type DType, type Shape, type Tensor, tensorType, type ValueType } from './types.ts';

export interface SequenceValue {
  readonly kind: 'sequence';
  readonly values: readonly DataValue[];
}
export interface OptionalValue {
  readonly kind: 'optional';
  /** null: none. */
  readonly value: DataValue | null;
}
/** As ONNX holds one: the elements that are not the default, and where they are. */
export interface SparseValue {
  readonly kind: 'sparse';
  readonly dims: readonly number[];
  /** [n] */
  readonly values: Tensor;
  /** int64: [n], each into the elements in row-major order, or [n, rank]. */
  readonly indices: Tensor;
}
export type DataValue = Tensor | SequenceValue | OptionalValue | SparseValue;

export const isTensor = (value: DataValue): value is Tensor => !('kind' in value);

/** What a value holds directly, in order; nothing for a tensor. */
export function partsOf(value: DataValue): readonly DataValue[] {
  if (isTensor(value)) return [];
  if (value.kind === 'sequence') return value.values;
  if (value.kind === 'sparse') return [value.values, value.indices];
  return value.value === null ? [] : [value.value];
}

/** The tensors of a value, each before what comes after it. */
export function tensorsOf(value: DataValue): readonly Tensor[] {
  return isTensor(value) ? [value] : partsOf(value).flatMap(tensorsOf);
}

/** The value with every tensor replaced. */
export function mapTensors(value: DataValue, replace: (tensor: Tensor) => Tensor): DataValue {
  if (isTensor(value)) return replace(value);
  switch (value.kind) {
    case 'sequence':
      return { ...value, values: value.values.map((one) => mapTensors(one, replace)) };
    case 'optional':
      return { ...value, value: value.value && mapTensors(value.value, replace) };
    case 'sparse':
      return { ...value, values: replace(value.values), indices: replace(value.indices) };
  }
}

/** What is wrong with how the parts of a sparse tensor go together. Where the indices point is not looked at. */
export function sparseProblem({ dims, values, indices }: SparseValue): string | undefined {
  const count = values.dims[0];
  if (values.dims.length !== 1) return `a sparse tensor whose values have ${values.dims.length} dimensions`;
  const [rows, columns = dims.length] = indices.dims;
  const fits = indices.dims.length === 1 || indices.dims.length === 2;
  return indices.dtype === 'int64' && fits && rows === count && columns === dims.length
    ? undefined
    : `a sparse tensor of ${count} values with indices ${indices.dtype}[${indices.dims.join(', ')}]`;
}

/** The type that a value shows: of a sequence, that of its first item. */
export function typeOfData(value: DataValue): ValueType {
  if (isTensor(value)) return tensorType(value.dtype, value.dims);
  switch (value.kind) {
    case 'sequence':
      return { kind: 'sequence', elem: value.values[0] && typeOfData(value.values[0]) };
    case 'optional':
      return { kind: 'optional', elem: value.value === null ? undefined : typeOfData(value.value) };
    case 'sparse':
      return { kind: 'sparse', dtype: value.values.dtype, dims: value.dims };
  }
}

/** Whether a value may stand where the type is stated. Symbols and unknowns fit any size; what is optional may be there as it is. */
export function fitsType(type: ValueType | undefined, value: DataValue): boolean {
  switch (type?.kind) {
    case undefined:
      return true;
    case 'tensor':
      return isTensor(value) && fitsDims(type.dtype, type.dims, value.dtype, value.dims);
    case 'sparse':
      return (
        !isTensor(value) &&
        value.kind === 'sparse' &&
        fitsDims(type.dtype, type.dims, value.values.dtype, value.dims)
      );
    case 'sequence':
      return (
        !isTensor(value) && value.kind === 'sequence' && value.values.every((one) => fitsType(type.elem, one))
      );
    case 'optional':
      return isTensor(value) || value.kind !== 'optional'
        ? fitsType(type.elem, value)
        : value.value === null || fitsType(type.elem, value.value);
    default:
      return false;
  }
}

const fitsDims = (dtype: DType | undefined, shape: Shape, actual: DType, dims: readonly number[]): boolean =>
  (dtype === undefined || dtype === actual) &&
  (shape === undefined ||
    (shape.length === dims.length &&
      shape.every((one, index) => typeof one !== 'number' || one === dims[index])));
