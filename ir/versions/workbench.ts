// What adapters work with: new values and constants, what is known of values, and the refusal.

import {
  type Attribute,
  attributeFloat,
  attributeInt,
  attributeInts,
  attributeString,
  findAttribute,
  type Graph,
  type GraphId,
  type Model,
  type ModelEditor,
  NO_VALUE,
  type OpId,
  type ValueId,
  type Weight,
} from '../graph.ts';
import { readWeight, weightOf } from '../onnx/weights.ts';
import { type DType, elementCount, elemTypeOf, type Shape, type Tensor, type ValueType } from '../types.ts';
import { type Form, intAttribute, newOp } from './form.ts';

/** Thrown by adapters through {@link Workbench.refuse}; the driver makes a diagnostic of it. */
export class Refused extends Error {}

/** IR 3 wants every initializer to be an input too. */
const INITIALIZERS_SINCE_IR = 4;
/** Constants with more elements than this are never what an op is told by an input. */
const MAX_ELEMENTS = 1024;
const CAST_LIKE_SINCE = 15;
const CONSTANT_OF_ATTRIBUTE_SINCE = 12;

/** A value, and the ops that make it, to be put before its use. */
export interface Made {
  readonly id: ValueId;
  readonly ops: readonly Form[];
}

export class Workbench {
  readonly editor: ModelEditor;
  readonly #model: Model;
  readonly #infer: ((model: Model) => Model) | undefined;
  #inferred: Model | undefined;
  readonly #names: Set<string>;
  readonly #constants = new Map<string, ValueId>();
  /** Constants of functions, and of models whose IR version has no plain initializers, begin their graph. */
  readonly heads = new Map<GraphId, OpId[]>();
  readonly initializers: ValueId[] = [];
  readonly #irVersion: number;
  #graph: GraphId;
  /** The opset that everything is to be brought to. */
  target = 0;

  constructor(
    model: Model,
    editor: ModelEditor,
    irVersion: number,
    infer: ((model: Model) => Model) | undefined,
  ) {
    this.#model = model;
    this.editor = editor;
    this.#irVersion = irVersion;
    this.#infer = infer;
    this.#names = new Set();
    for (const { name } of model.allValues()) this.#names.add(name);
    for (const { name } of model.allOps()) this.#names.add(name);
    this.#graph = model.main;
  }

  /** From now on, ops and values are made for this graph. */
  enter(graph: GraphId): void {
    this.#graph = graph;
  }

  refuse(why: string): never {
    throw new Refused(why);
  }

  // --- what is known -------------------------------------------------------------------------------

  /** Stated or inferred; types of values made by adapters are not known. */
  typeOf(id: ValueId): ValueType | undefined {
    if (id === NO_VALUE) return undefined;
    const { type } = this.editor.value(id);
    if ((type?.kind === 'tensor' && type.dtype && type.dims) || id >= this.#model.valueLimit) return type;
    if (this.#infer === undefined) return type;
    this.#inferred ??= this.#infer(this.#model);
    return this.#inferred.value(id).type ?? type;
  }
  dtypeOf(id: ValueId): DType | undefined {
    const type = this.typeOf(id);
    return type?.kind === 'tensor' ? type.dtype : undefined;
  }
  dimsOf(id: ValueId): Shape {
    const type = this.typeOf(id);
    return type?.kind === 'tensor' ? type.dims : undefined;
  }
  rankOf(id: ValueId): number | undefined {
    return this.dimsOf(id)?.length;
  }

  /** The elements of a small constant; undefined if they are only known when the model runs. */
  tensorOf(id: ValueId): Tensor | undefined {
    if (id === NO_VALUE) return undefined;
    const { weight, def } = this.editor.value(id);
    if (def.kind === 'initializer' && weight !== undefined) {
      return (elementCount(weight.dims) ?? 0) <= MAX_ELEMENTS ? readWeight(weight) : undefined;
    }
    if (def.kind !== 'op') return undefined;
    const op = this.editor.op(def.op);
    if (op.type !== 'Constant' || op.domain !== '') return undefined;
    const [attribute] = op.attributes;
    switch (attribute?.kind) {
      case 'tensor':
        return (elementCount(attribute.value.dims) ?? 0) <= MAX_ELEMENTS
          ? readWeight(attribute.value)
          : undefined;
      case 'int':
        return int64s([attribute.value], []);
      case 'ints':
        return int64s(attribute.value);
      case 'float':
        return float32s([attribute.value], []);
      case 'floats':
        return float32s(attribute.value);
      default:
        return undefined;
    }
  }
  /** The elements of a small constant of numbers. */
  numbersOf(id: ValueId): readonly number[] | undefined {
    const tensor = this.tensorOf(id);
    if (tensor === undefined) return undefined;
    const buffer = tensor.bytes.slice().buffer;
    switch (tensor.dtype) {
      case 'int64':
        return Array.from(new BigInt64Array(buffer), Number);
      case 'int32':
        return [...new Int32Array(buffer)];
      case 'float32':
        return [...new Float32Array(buffer)];
      case 'float64':
        return [...new Float64Array(buffer)];
      case 'bool':
        return [...new Uint8Array(buffer)];
      default:
        return undefined;
    }
  }

  // --- attributes: those that a function passes on are not known --------------------------------------

  int(op: Form, name: string, fallback: number): number {
    return attributeInt(this.#given(op, name), name, fallback);
  }
  ints(op: Form, name: string): readonly number[] | undefined {
    return attributeInts(this.#given(op, name), name);
  }
  float(op: Form, name: string): number | undefined {
    return attributeFloat(this.#given(op, name), name);
  }
  string(op: Form, name: string, fallback: string): string {
    return attributeString(this.#given(op, name), name) ?? fallback;
  }
  #given(op: Form, name: string): Form {
    if (findAttribute(op, name)?.kind === 'reference')
      this.refuse(`its attribute ${name} is only known to who calls the function around it`);
    return op;
  }

  // --- new values and constants ----------------------------------------------------------------------

  /** A new value of the graph, named after another one. */
  value(like: ValueId, suffix: string, type?: ValueType, graph = this.#graph): ValueId {
    const name = this.#unique(`${this.editor.value(like).name}_${suffix}`);
    return this.editor.addValue(graph, { name, ...(type !== undefined && { type }) });
  }

  #unique(name: string): string {
    let free = name;
    for (let count = 1; this.#names.has(free); count++) free = `${name}_${count}`;
    this.#names.add(free);
    return free;
  }

  /** A constant seen by the whole graph: an initializer, or an op at the beginning. The same content is made once. */
  constant(tensor: Tensor, name: string): ValueId {
    const root = this.#rootOf(this.#graph);
    const key = `${root.id} ${tensor.dtype} ${tensor.dims} ${tensor.bytes.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const plain = root.kind === 'main' && this.#irVersion >= INITIALIZERS_SINCE_IR;
    const free = this.#unique(name);
    const weight = weightOf(tensor, plain ? free : '');
    const type: ValueType = { kind: 'tensor', dtype: tensor.dtype, dims: tensor.dims };
    const id = this.editor.addValue(root.id, {
      name: free,
      type,
      ...(plain && { weight, def: { kind: 'initializer' as const } }),
    });
    if (plain) this.initializers.push(id);
    else this.#begin(root.id, newOp('Constant', [], [id], { name: 'value', kind: 'tensor', value: weight }));
    this.#constants.set(key, id);
    return id;
  }
  ints64(values: readonly number[], name: string): ValueId {
    return this.constant(int64s(values.map(BigInt)), name);
  }
  weight(tensor: Tensor): Weight {
    return weightOf(tensor);
  }
  scalar64(value: number, name: string): ValueId {
    return this.constant(int64s([BigInt(value)], []), name);
  }
  floats32(values: readonly number[], name: string, dims?: readonly number[]): ValueId {
    return this.constant(float32s(values, dims), name);
  }

  /** A scalar of the element type of another value, and the ops to put before its use. */
  scalarLike(value: number, like: ValueId, name: string): Made {
    const dtype = this.dtypeOf(like);
    if (dtype === 'float32') return { id: this.floats32([value], name, []), ops: [] };
    if (dtype === 'int64') return { id: this.scalar64(value, name), ops: [] };
    if (dtype === 'float64') {
      const bytes = new Uint8Array(Float64Array.of(value).buffer);
      return { id: this.constant({ dtype, dims: [], bytes }, name), ops: [] };
    }
    return this.likeScalar(this.floats32([value], name, []), like);
  }
  /** A float32 scalar as the element type of another value. */
  likeScalar(scalar: ValueId, like: ValueId): Made {
    const dtype = this.dtypeOf(like);
    const id = this.value(scalar, 'cast');
    if (dtype !== undefined)
      return { id, ops: [newOp('Cast', [scalar], [id], intAttribute('to', elemTypeOf(dtype)))] };
    if (this.target < CAST_LIKE_SINCE)
      this.refuse(`the element type of ${this.editor.value(like).name} is not known`);
    return { id, ops: [{ ...newOp('CastLike', [scalar, like], [id]), version: CAST_LIKE_SINCE }] };
  }

  /** What a list of ints was told by an attribute, as an input; undefined if it was not given. */
  inputOf(op: Form, name: string): Made | undefined {
    const attribute = findAttribute(op, name);
    if (attribute === undefined) return undefined;
    if (attribute.kind === 'ints') return { id: this.constant(int64s(attribute.value), name), ops: [] };
    if (attribute.kind !== 'reference') return this.refuse(`its attribute ${name} is no list of ints`);
    return this.ofReference(op, name, { name: 'value_ints', kind: 'reference', value: attribute.value });
  }
  /** An attribute of the function around, as a value. */
  ofReference(op: Form, name: string, value: Attribute): Made {
    if (this.target < CONSTANT_OF_ATTRIBUTE_SINCE) this.#given(op, name);
    const id = this.value(op.outputs[0]!, name);
    return { id, ops: [{ ...newOp('Constant', [], [id], value), version: CONSTANT_OF_ATTRIBUTE_SINCE }] };
  }

  #begin(root: GraphId, form: Form): void {
    const { type, inputs, outputs, attributes } = form;
    const op = this.editor.addOp(root, { type, inputs, outputs, attributes });
    const head = this.heads.get(root);
    if (head === undefined) this.heads.set(root, [op]);
    else head.push(op);
  }

  #rootOf(id: GraphId): Graph {
    const graph = this.editor.graph(id);
    return graph.parent === undefined ? graph : this.#rootOf(graph.parent);
  }
}

export const int64s = (values: readonly bigint[], dims: readonly number[] = [values.length]): Tensor => ({
  dtype: 'int64',
  dims,
  bytes: new Uint8Array(BigInt64Array.from(values).buffer),
});
export const float32s = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  dtype: 'float32',
  dims,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
