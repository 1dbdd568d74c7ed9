// Constant tensors: a known element type, one content of the right kind and size; sparse ones with indices in
// order. Large contents are not read.

import {
  type Attribute,
  byteLengthOf,
  DiagnosticError,
  type DType,
  diagnostic,
  elementCount,
  readTensorProto,
  type SparseTensorProto,
  type Tensor,
  type TensorProto,
  type Weight,
  weightByteLength,
} from '../../ir/index.ts';
import { type CheckContext, inFile } from './context.ts';

export function checkTensors(cx: CheckContext): void {
  const { model } = cx;
  for (const value of model.allValues()) if (value.weight) checkWeight(cx, value.weight, value.name);
  for (const graph of model.graphs)
    for (const sparse of graph.residue?.proto?.sparseInitializer ?? []) checkSparse(cx, sparse, true);
  for (const op of model.allOps()) for (const attribute of op.attributes) checkAttribute(cx, attribute);
}

function checkAttribute(cx: CheckContext, attribute: Attribute): void {
  if (attribute.kind === 'tensor') checkWeight(cx, attribute.value, attribute.name);
  else if (attribute.kind === 'tensors')
    for (const one of attribute.value) checkWeight(cx, one, attribute.name);
  else if (attribute.kind === 'sparse') checkSparse(cx, attribute.value, false);
  else if (attribute.kind === 'sparses') for (const one of attribute.value) checkSparse(cx, one, false);
}

function checkWeight(cx: CheckContext, weight: Weight, name: string): void {
  const problem = weightProblem(weight);
  if (problem !== undefined) cx.report(diagnostic('BB215', { name, problem }, inFile(cx.model, name)));
  else {
    const size = sizeProblem(weight);
    if (size !== undefined) {
      const text = `tensor ${JSON.stringify(name)}: ${size}`;
      cx.report(diagnostic('BB220', { problem: text }, inFile(cx.model, name)));
    }
  }
}

type DataField = 'floatData' | 'int32Data' | 'stringData' | 'int64Data' | 'doubleData' | 'uint64Data';
const dataFields: readonly DataField[] = [
  'floatData',
  'int32Data',
  'stringData',
  'int64Data',
  'doubleData',
  'uint64Data',
];

/** The typed field in which elements of this type may be. */
function fieldOf(dtype: DType): DataField {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return 'floatData';
    case 'float64':
    case 'complex128':
      return 'doubleData';
    case 'int64':
      return 'int64Data';
    case 'uint32':
    case 'uint64':
      return 'uint64Data';
    case 'string':
      return 'stringData';
    default:
      return 'int32Data';
  }
}

function weightProblem(weight: Weight): string | undefined {
  const { dtype, dims, proto, range } = weight;
  if (dtype === undefined)
    return proto.dataType === 0 ? 'it has no element type' : `there is no element type ${proto.dataType}`;
  if (dims.some((dim) => dim < 0)) return `its dimensions are [${dims.join(', ')}]`;
  const count = elementCount(dims)!;
  const filled = dataFields.filter((field) => proto[field].length > 0);
  const external = proto.dataLocation === 1;
  if (external && (filled.length > 0 || Object.hasOwn(proto, 'rawData')))
    return 'it has both external and internal data';
  if (range !== undefined && dtype === 'string') return 'strings cannot be in raw_data';
  const contents = filled.length + (range !== undefined && (range.byteLength > 0 || external) ? 1 : 0);
  if (contents > 1) return 'it has data in two fields';
  if (count === 0) return contents === 0 || external ? undefined : 'it has no elements, yet data';
  if (contents === 0) return range === undefined ? 'it has no data' : 'its raw_data is empty';
  if (filled.length > 0 && filled[0] !== fieldOf(dtype)) return `${dtype} cannot be in ${filled[0]}`;
  return undefined;
}

/** Of a tensor that has no other problem: whether it holds as much as its dimensions say. */
function sizeProblem(weight: Weight): string | undefined {
  const { dtype, proto, range, dims } = weight;
  const count = elementCount(dims)!;
  if (dtype === undefined || count === 0) return undefined;
  const field = dataFields.find((one) => proto[one].length > 0);
  const wanted = byteLengthOf(dtype, count);
  const type = `${dtype}[${dims.join(', ')}]`;
  if (range !== undefined)
    return wanted === weightByteLength(weight)
      ? undefined
      : `it has ${range.byteLength} bytes; ${type} has ${wanted}`;
  const held = field === undefined ? 0 : proto[field].length;
  // Complex numbers are pairs; elements smaller than a byte share an entry, or have one each.
  const entries = dtype.startsWith('complex') ? [2 * count] : [count, wanted ?? count];
  return entries.includes(held) || (wanted !== undefined && wanted < count && held === wanted)
    ? undefined
    : `it has ${held} entries; ${type} has ${entries[0]}`;
}

function checkSparse(cx: CheckContext, sparse: SparseTensorProto, isInitializer: boolean): void {
  const name = sparse.values?.name ?? '';
  const problem = isInitializer && name === '' ? 'it has no name' : sparseProblem(sparse);
  if (problem !== undefined)
    cx.report(diagnostic('BB215', { name, problem: `sparse: ${problem}` }, inFile(cx.model, name)));
}

function sparseProblem({ values, indices, dims: size }: SparseTensorProto): string | undefined {
  if (values === undefined) return 'it has no values';
  const dims = size.map(Number);
  if (dims.length === 0 || dims.some((dim) => dim <= 0))
    return `its dimensions are positive, not [${dims.join(', ')}]`;
  const [count, ...further] = values.dims.map(Number);
  if (count === undefined || further.length > 0) return 'its values have one dimension';
  if (indices === undefined) return count > 0 ? 'it has values and no indices' : undefined;
  return indexProblem(indices, count, dims);
}

function indexProblem(proto: TensorProto, count: number, dims: readonly number[]): string | undefined {
  let indices: Tensor;
  try {
    indices = readTensorProto(proto);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics[0]!.message;
    throw error;
  }
  if (indices.dtype !== 'int64') return `sparse indices are int64, not ${indices.dtype}`;
  const rank = indices.dims.length;
  if (rank !== 1 && rank !== 2) return `sparse indices have rank 1 or 2, not ${rank}`;
  if (indices.dims[0] !== count) return `there are ${count} values and ${indices.dims[0]} indices`;
  if (rank === 2 && indices.dims[1] !== dims.length)
    return `coordinates have ${indices.dims[1]} parts where the tensor has ${dims.length} dimensions`;
  return orderProblem(indices, count, rank === 2 ? dims : [elementCount(dims)!]);
}

/** Coordinates must ascend in row-major order and lie inside. */
function orderProblem(indices: Tensor, count: number, dims: readonly number[]): string | undefined {
  const view = new DataView(indices.bytes.buffer, indices.bytes.byteOffset, indices.bytes.byteLength);
  let last = -1;
  for (let row = 0; row < count; row++) {
    let at = 0;
    for (const [column, dim] of dims.entries()) {
      const part = Number(view.getBigInt64(8 * (row * dims.length + column), true));
      if (part < 0 || part >= dim) return `index ${part} is outside 0 to ${dim - 1}`;
      at = at * dim + part;
    }
    if (at <= last) return 'sparse indices must ascend without repetition';
    last = at;
  }
  return undefined;
}
