// What ops and values cost, estimated from their inferred types. A dimension that is not a number counts as 1;
// see nominal.ts for better figures of models with open sizes.

import {
  attributeInt,
  attributeInts,
  bitsOf,
  byteLengthOf,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  subgraphsOf,
  type ValueId,
  type Weight,
} from '../ir/index.ts';
import { constantOf, readWeight } from '../ir/onnx/index.ts';

/** Elements of a value whose rank nobody knows: large enough that a cut rather goes through known values. */
const UNKNOWN_ELEMENTS = 65536;
/** Operations of an op whose sizes nobody knows. */
const UNKNOWN_OPERATIONS = 64;
/** From here on, a trip count says that something else ends the loop. */
const UNBOUNDED_TRIPS = 2 ** 31 - 1;
/** Bytes of a string element, whose length nobody knows. */
const STRING_BYTES = 32;

export interface CostModel {
  /** Floating-point operations of one run of an op (a multiply-add is two), its subgraphs or function included; at least 1. */
  operations(op: Op): number;
  /** Bytes on a link, guessed high where the rank is unknown. */
  transferBytes(value: ValueId): number;
  /** Bytes in memory, 0 where the rank is unknown: memory limits refuse only what surely does not fit. */
  heldBytes(value: ValueId): number;
}

export function costModel(model: Model): CostModel {
  const sizes = new Sizes(model);
  const bodies = new Map<GraphId, number>();
  const body = (graph: GraphId): number => {
    const known = bodies.get(graph);
    if (known !== undefined) return known;
    bodies.set(graph, 0);
    let sum = 0;
    for (const op of model.opsOf(graph)) sum += operations(op);
    bodies.set(graph, sum);
    return sum;
  };
  const operations = (op: Op): number => {
    const fn = model.functionOf(op);
    let sum = fn === undefined ? ownOperations(op, sizes) : body(fn.graph);
    for (const graph of subgraphsOf(op)) sum += trips(op, model, sizes) * body(graph);
    return Math.max(1, sum);
  };
  return {
    operations,
    transferBytes: (value) => sizes.bytes(value, UNKNOWN_ELEMENTS),
    heldBytes: (value) => sizes.bytes(value, 0),
  };
}

/** How often the body of a loop runs, where the graph says it; else once. A condition may end a Loop earlier. */
function trips(op: Op, model: Model, sizes: Sizes): number {
  if (op.domain !== '') return 1;
  if (op.type === 'Loop') return Math.max(0, countIn(model, op.inputs[0]) ?? 1);
  if (op.type !== 'Scan') return 1;
  const swept = op.inputs.at(-attributeInt(op, 'num_scan_inputs', 1));
  const dims = sizes.dims(swept);
  const axis = attributeInts(op, 'scan_input_axes')?.[0] ?? 0;
  return dims?.at(Number(axis)) ?? 1;
}

/** A whole number that the graph has as a constant. */
function countIn(model: Model, id: ValueId | undefined): number | undefined {
  if (id === undefined || id === NO_VALUE) return undefined;
  const { weight, def } = model.value(id);
  const held = weight ?? (def.kind === 'op' ? constantOf(model.op(def.op)) : undefined);
  if (held?.dtype !== 'int64' || held.dims.some((dim) => dim !== 1)) return undefined;
  const { bytes } = readWeight(held);
  const count = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true));
  return Number.isSafeInteger(count) && count < UNBOUNDED_TRIPS ? count : undefined;
}

/** Bytes of a constant tensor in raw form. */
export function weightBytes(weight: Weight): number {
  const count = weight.dims.reduce((product, dim) => product * dim, 1);
  const raw = weight.dtype === undefined ? undefined : byteLengthOf(weight.dtype, count);
  return raw ?? weight.range?.byteLength ?? count * STRING_BYTES;
}

/** By OpId: the bytes of tensors held by an op's own attributes. */
export function attributeBytes(op: Op): number {
  let sum = 0;
  for (const attribute of op.attributes) {
    if (attribute.kind === 'tensor') sum += weightBytes(attribute.value);
    else if (attribute.kind === 'floats') sum += 4 * attribute.value.length;
    else if (attribute.kind === 'ints') sum += 8 * attribute.value.length;
  }
  return sum;
}

class Sizes {
  readonly #model: Model;
  constructor(model: Model) {
    this.#model = model;
  }

  /** Every dimension as a number; undefined if the rank is unknown or there is no value. */
  dims(id: ValueId | undefined): readonly number[] | undefined {
    if (id === undefined || id === NO_VALUE) return undefined;
    const { type, weight } = this.#model.value(id);
    if (weight !== undefined) return weight.dims;
    if (type?.kind !== 'tensor' && type?.kind !== 'sparse') return undefined;
    return type.dims?.map((dim) => (typeof dim === 'number' ? dim : 1));
  }

  elements(id: ValueId | undefined): number | undefined {
    return this.dims(id)?.reduce((product, dim) => product * dim, 1);
  }

  bytes(id: ValueId, unknownElements: number): number {
    const { type, weight } = this.#model.value(id);
    const dtype = weight?.dtype ?? (type?.kind === 'tensor' ? type.dtype : undefined);
    const count = this.elements(id) ?? unknownElements;
    const bits = dtype === undefined ? 32 : bitsOf(dtype) || 8 * STRING_BYTES;
    return Math.ceil((count * bits) / 8);
  }
}

/** Ops that only rename or reinterpret: no element is touched. */
const free = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Shape', 'Size', 'Constant']);
/** Input that holds the filter, of ops that multiply each output element by one. */
const filterInput: Readonly<Record<string, number>> = {
  Conv: 1,
  ConvInteger: 1,
  DeformConv: 1,
  QLinearConv: 3,
};
/** Inputs that a matrix product contracts. */
const productInputs: Readonly<Record<string, readonly [number, number]>> = {
  MatMul: [0, 1],
  MatMulInteger: [0, 1],
  QLinearMatMul: [0, 3],
};
/** Operations per element of ops that visit their input several times, with exponentials or divisions. */
const perElement: Readonly<Record<string, number>> = {
  Softmax: 5,
  LogSoftmax: 5,
  LayerNormalization: 8,
  GroupNormalization: 8,
  InstanceNormalization: 8,
  RMSNormalization: 6,
  BatchNormalization: 4,
  Gelu: 8,
};

function ownOperations(op: Op, sizes: Sizes): number {
  if (op.domain === '' && free.has(op.type)) return 1;
  const output = sizes.elements(op.outputs.find((id) => id !== NO_VALUE));
  return productOperations(op, sizes, output) ?? elementOperations(op, sizes, output);
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const doubled = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : 2 * a * b;

/** Of convolutions, matrix products and recurrent ops; undefined for others, and where sizes are unknown. */
function productOperations(op: Op, sizes: Sizes, output: number | undefined): number | undefined {
  const { type, inputs } = op;
  if (Object.hasOwn(filterInput, type)) {
    const filter = sizes.dims(inputs[filterInput[type]!])?.slice(1);
    return doubled(output, filter && product(filter));
  }
  if (Object.hasOwn(productInputs, type)) {
    const [a, b] = productInputs[type]!;
    const right = sizes.dims(inputs[b]);
    return doubled(output, right?.at(-2) ?? right?.at(-1) ?? sizes.dims(inputs[a])?.at(-1));
  }
  switch (type) {
    case 'ConvTranspose': {
      const filter = sizes.dims(inputs[1])?.slice(1);
      return doubled(sizes.elements(inputs[0]), filter && product(filter));
    }
    case 'Gemm':
      return doubled(output, sizes.dims(inputs[1])?.at(attributeInt(op, 'transB', 0) === 0 ? 0 : 1));
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const steps = sizes.dims(inputs[0])?.slice(0, 2);
      const input = sizes.elements(inputs[1]);
      const recurrence = sizes.elements(inputs[2]);
      return doubled(steps && product(steps), input && recurrence && input + recurrence);
    }
    default:
      return undefined;
  }
}

/** Of all other ops: the elements they touch, times the work on each. */
function elementOperations(op: Op, sizes: Sizes, output: number | undefined): number {
  let touched = output;
  if (op.type.startsWith('Reduce') || op.type.startsWith('Global') || op.type.startsWith('Arg')) {
    touched = sizes.elements(op.inputs[0]) ?? output;
  }
  if (touched === undefined) return UNKNOWN_OPERATIONS;
  const kernel = op.type.endsWith('Pool') ? attributeInts(op, 'kernel_shape') : undefined;
  return touched * (kernel === undefined ? (perElement[op.type] ?? 1) : product(kernel));
}
