// Makes the ops that compute gradients: what rules write with.

import type { Copier } from '../../ir/copy.ts';
import {
  type Attribute,
  attributeFloat,
  attributeInt,
  attributeInts,
  attributeString,
  type Dim,
  DOMAIN,
  DOMAIN_VERSION,
  type DType,
  dependenciesOf,
  elemTypeOf,
  type GraphId,
  type Model,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type Place,
  type Tensor,
  type ValueId,
  type ValueType,
  type Weight,
} from '../../ir/index.ts';
import { constantOf, readWeight, weightOf } from '../../ir/onnx/index.ts';
import { Common, type Contraction, type Forms, type Scaled } from './common.ts';

/** Thrown by rules through {@link Builder.refuse}; whoever asked for the gradient makes a diagnostic of it. */
export class NoGradient extends Error {}

export const int = (name: string, value: number): Attribute => ({ name, kind: 'int', value: BigInt(value) });
export const ints = (name: string, value: readonly number[]): Attribute => ({
  name,
  kind: 'ints',
  value: value.map(BigInt),
});
export const float = (name: string, value: number): Attribute => ({ name, kind: 'float', value });
export const string = (name: string, value: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(value),
});

/** Types whose numbers have gradients. */
export const isFloat = (type: ValueType | undefined): boolean =>
  type?.kind === 'tensor' &&
  (type.dtype === 'float32' ||
    type.dtype === 'float64' ||
    type.dtype === 'float16' ||
    type.dtype === 'bfloat16');

/** Tensors of such numbers, and what is made of them. */
export const holdsFloats = (type: ValueType | undefined): boolean =>
  type?.kind === 'sequence' || type?.kind === 'optional' ? holdsFloats(type.elem) : isFloat(type);

export class Builder {
  readonly editor: ModelEditor;
  readonly graph: GraphId;
  readonly #common: Common;
  /** Ops in order. */
  readonly made: OpId[] = [];
  /** The results of these, by what they compute and where. */
  readonly #known = new Map<string, readonly ValueId[]>();
  #for: Op | undefined;
  /** Without an op to make others for. */
  #place: Place | undefined;

  private constructor(editor: ModelEditor, graph: GraphId, common: Common) {
    this.editor = editor;
    this.graph = graph;
    this.#common = common;
  }

  /** For the main graph of a model with inferred types. */
  static of(model: Model, editor: ModelEditor, forms: Forms = 'fast'): Builder {
    return new Builder(editor, model.main, new Common(model, forms));
  }

  /** For a new subgraph, of an op that is yet to be made. */
  subgraph(name: string): Builder {
    const graph = this.editor.addGraph({ kind: 'subgraph', name, parent: this.graph });
    const inner = new Builder(this.editor, graph, this.#common);
    if (this.#for !== undefined) inner.for(this.#for);
    return inner;
  }

  /** For another graph of the model. */
  in(graph: GraphId): Builder {
    return new Builder(this.editor, graph, this.#common);
  }

  get initializers(): readonly ValueId[] {
    return this.#common.initializers;
  }
  /** Whether many ops are welcome if they are faster than few. */
  get mayBeLong(): boolean {
    return this.#common.forms === 'fast';
  }
  /** By an op of the main graph that was made, the op whose gradient it computes. */
  get forwardOf(): ReadonlyMap<OpId, OpId> {
    return this.#common.forwardOf;
  }

  /** From now on, ops are made for the gradient of this one: in its scope and at its line. */
  for(op: Op): void {
    this.#for = op;
  }
  /** From now on, ops are made for the gradient of what no op made: at this place, if one is known. */
  forInput(place: Place | undefined): void {
    this.#for = undefined;
    this.#place = place;
  }

  /** Of the standard domain. */
  get opset(): number {
    return this.editor.header.opsets.get('') ?? 0;
  }

  refuse(why: string): never {
    throw new NoGradient(why);
  }

  // --- what is known of the model's own values -------------------------------------------------------

  typeOf(id: ValueId): ValueType | undefined {
    return this.editor.value(id).type;
  }
  dtype(id: ValueId): DType {
    const type = this.typeOf(id);
    return (
      (type?.kind === 'tensor' ? type.dtype : undefined) ??
      this.refuse(`the element type of ${this.name(id)} is not known`)
    );
  }
  dims(id: ValueId): readonly Dim[] {
    const type = this.typeOf(id);
    return (
      (type?.kind === 'tensor' ? type.dims : undefined) ??
      this.refuse(`the rank of ${this.name(id)} is not known`)
    );
  }
  rank(id: ValueId): number {
    return this.dims(id).length;
  }
  /** Every size, if all are known. */
  sizes(id: ValueId): readonly number[] | undefined {
    const dims = this.dims(id);
    return dims.every((dim): dim is number => typeof dim === 'number') ? dims : undefined;
  }
  name(id: ValueId): string {
    return this.editor.value(id).name;
  }
  /** The content of a constant; undefined if it is none. */
  weight(id: ValueId): Weight | undefined {
    const { weight, def } = this.editor.value(id);
    const source = def.kind === 'op' ? this.editor.op(def.op) : undefined;
    return def.kind === 'initializer' ? weight : source && constantOf(source);
  }
  /** The elements of a constant of integers or float32; undefined if it is none. */
  numbers(id: ValueId): readonly number[] | undefined {
    const held = this.weight(id);
    if (held === undefined || held.dims.length > 1) return undefined;
    const { dtype, bytes } = readWeight(held);
    const copy = bytes.slice().buffer;
    switch (dtype) {
      case 'int64':
        return [...new BigInt64Array(copy)].map(Number);
      case 'int32':
        return [...new Int32Array(copy)];
      case 'float32':
        return [...new Float32Array(copy)];
      default:
        return undefined;
    }
  }
  int(op: Op, name: string, fallback: number): number {
    return attributeInt(op, name, fallback);
  }
  ints(op: Op, name: string): readonly number[] | undefined {
    return attributeInts(op, name);
  }
  float(op: Op, name: string, fallback: number): number {
    return attributeFloat(op, name) ?? fallback;
  }
  string(op: Op, name: string, fallback: string): string {
    return attributeString(op, name) ?? fallback;
  }
  /** An axis counted from the front. */
  axis(op: Op, value: ValueId, fallback: number): number {
    const axis = this.int(op, 'axis', fallback);
    return axis < 0 ? axis + this.rank(value) : axis;
  }

  /** Notes that the gradient of a value is zero wherever the value itself is. */
  vanishing(gradient: ValueId, of: ValueId): ValueId {
    this.#common.vanishing.set(gradient, of);
    return gradient;
  }
  vanishes(gradient: ValueId, of: ValueId): boolean {
    return this.#common.vanishing.get(gradient) === of;
  }

  // --- making ----------------------------------------------------------------------------------------

  /** Notes an op that was made otherwise for the gradient of this one. */
  adopt(id: OpId, of: Op): void {
    this.made.push(id);
    if (this.graph === this.#common.main) this.#common.forwardOf.set(id, of.id);
  }
  /** The results of an op; of one that is there already if it was made at the same place. */
  ops(
    type: string,
    inputs: readonly ValueId[],
    count: number,
    ...attributes: readonly Attribute[]
  ): readonly ValueId[] {
    const key = this.#keyOf(type, inputs, count, attributes);
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#newOps(type, inputs, count, attributes);
    if (key !== undefined) this.#known.set(key, made);
    return made;
  }
  #newOps(
    type: string,
    inputs: readonly ValueId[],
    count: number,
    attributes: readonly Attribute[],
  ): readonly ValueId[] {
    const outputs = Array.from({ length: count }, () => this.#value(type));
    this.#add(type, inputs, outputs, attributes);
    return outputs;
  }
  /** Equal for ops of the main graph that compute the same; where no place is known, for the same forward op. */
  #keyOf(
    type: string,
    inputs: readonly ValueId[],
    count: number,
    attributes: readonly Attribute[],
  ): string | undefined {
    // Results of a body have to be values of their own, for which some are copied.
    if (this.graph !== this.#common.main) return undefined;
    const texts = attributes.map((one) =>
      one.kind === 'int' || one.kind === 'ints' || one.kind === 'float' || one.kind === 'string'
        ? `${one.name} ${one.kind} ${one.value}`
        : undefined,
    );
    if (texts.includes(undefined)) return undefined;
    const { id = '', place } = this.#for ?? { place: this.#place };
    const where = place === undefined ? id : JSON.stringify(place);
    return [where, type, inputs, count, ...texts].join('\n');
  }
  /** Takes out what nobody reads: `kept` are results. */
  dropUnread(kept: ReadonlySet<ValueId>): void {
    const read = new Set(kept);
    const used: OpId[] = [];
    for (const id of this.made.splice(0).toReversed()) {
      const op = this.editor.op(id);
      const isNeeded = op.domain !== '' || op.outputs.some((one) => read.has(one));
      // A body would be left behind.
      if (isNeeded || op.attributes.some(({ kind }) => kind === 'graph')) {
        for (const value of dependenciesOf(this.editor, op)) read.add(value);
        used.push(id);
        continue;
      }
      for (const value of op.outputs) if (value !== NO_VALUE) this.editor.removeValue(value);
      this.editor.removeOp(id);
      this.#common.forwardOf.delete(id);
    }
    this.made.push(...used.toReversed());
    // These may name what is gone.
    const { scaled, turned, contracted } = this.#common;
    for (const one of [this.#known, scaled, turned, contracted]) one.clear();
  }
  /** With a result that is there already. */
  opTo(type: string, inputs: readonly ValueId[], output: ValueId, ...attributes: readonly Attribute[]): void {
    this.#add(type, inputs, [output], attributes);
  }
  #add(
    type: string,
    inputs: readonly ValueId[],
    outputs: readonly ValueId[],
    attributes: readonly Attribute[],
  ): void {
    const home = this.#home();
    this.#keep(this.editor.addOp(this.graph, { type, inputs, outputs, attributes, ...home }));
  }
  /** Where ops are that are made now. */
  #home(): Pick<Op, 'scope' | 'at' | 'place'> {
    const { scope, at, place, graph } = this.#for ?? { place: this.#place };
    const isMain = this.graph === this.#common.main;
    return {
      ...(scope !== undefined && { scope }),
      ...(at && { at }),
      // The place of a loop is no place inside it.
      ...(place && (isMain || graph !== this.#common.main) && { place }),
    };
  }
  #keep(id: OpId): void {
    this.made.push(id);
    if (this.graph === this.#common.main && this.#for !== undefined)
      this.#common.forwardOf.set(id, this.#for.id);
  }
  /** An op of another model. */
  copy(copier: Copier, id: OpId): OpId {
    const made = copier.op(id, this.graph, this.#home());
    this.#keep(made);
    return made;
  }
  op(type: string, inputs: readonly ValueId[], ...attributes: readonly Attribute[]): ValueId {
    return this.ops(type, inputs, 1, ...attributes)[0]!;
  }

  /** Ops of our core domain. `place`: where it is, if not where the others are. */
  core(
    type: string,
    inputs: readonly ValueId[],
    count: number,
    attributes: readonly Attribute[],
    place?: Place,
  ): readonly ValueId[] {
    const outputs = this.#newOps(type, inputs, count, attributes);
    this.editor.setOp(this.made.at(-1)!, { domain: DOMAIN.core, ...(place && { place }) });
    const { header } = this.editor;
    if (!header.opsets.has(DOMAIN.core))
      this.editor.header = { ...header, opsets: new Map([...header.opsets, [DOMAIN.core, DOMAIN_VERSION]]) };
    return outputs;
  }

  #value(type: string): ValueId {
    const of =
      this.#for === undefined ? '' : `${this.name(this.#for.outputs.find((one) => one !== NO_VALUE)!)}_`;
    return this.editor.addValue(this.graph, { name: this.unique(`grad/${of}${type}`) });
  }
  unique(name: string): string {
    let free = name;
    for (let count = 1; this.#common.names.has(free); count++) free = `${name}_${count}`;
    this.#common.names.add(free);
    return free;
  }

  constant(tensor: Tensor): ValueId {
    const key = `${tensor.dtype} ${tensor.dims} ${tensor.bytes.join()}`;
    const known = this.#common.constants.get(key);
    if (known !== undefined) return known;
    const name = this.unique('grad/constant');
    const id = this.editor.addValue(this.#common.main, {
      name,
      type: { kind: 'tensor', dtype: tensor.dtype, dims: tensor.dims },
      weight: weightOf(tensor, name),
      def: { kind: 'initializer' },
    });
    this.#common.initializers.push(id);
    this.#common.constants.set(key, id);
    return id;
  }
  /** int64, of one dimension. */
  list(values: readonly number[]): ValueId {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant({ dtype: 'int64', dims: [values.length], bytes });
  }
  /** A scalar of the element type of one of the model's own values. */
  scalar(value: number, like: ValueId): ValueId {
    return this.scalarOf(value, this.dtype(like));
  }
  scalarOf(value: number, dtype: DType): ValueId {
    switch (dtype) {
      case 'float32':
        return this.constant({ dtype, dims: [], bytes: new Uint8Array(Float32Array.of(value).buffer) });
      case 'float64':
        return this.constant({ dtype, dims: [], bytes: new Uint8Array(Float64Array.of(value).buffer) });
      case 'int64':
        return this.constant({
          dtype,
          dims: [],
          bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
        });
      default:
        return this.op('Cast', [this.scalarOf(value, 'float32')], int('to', elemTypeOf(dtype)));
    }
  }

  /** One number everywhere, of the element type of one of the model's own values: a constant for float32. */
  full(value: number, dims: readonly number[], like: ValueId): ValueId {
    if (this.dtype(like) !== 'float32') return this.op('Expand', [this.scalar(value, like), this.list(dims)]);
    const count = dims.reduce((product, size) => product * size, 1);
    const bytes = new Uint8Array(new Float32Array(count).fill(value).buffer);
    return this.constant({ dtype: 'float32', dims, bytes });
  }

  add = (a: ValueId, b: ValueId): ValueId => this.op('Add', [a, b]);
  sub = (a: ValueId, b: ValueId): ValueId => this.op('Sub', [a, b]);
  mul(a: ValueId, b: ValueId): ValueId {
    const [x, y] = [this.number(a), this.number(b)];
    if (x === 1) return b;
    if (y === 1) return a;
    return x !== undefined && y !== undefined ? this.scalarOf(x * y, 'float32') : this.op('Mul', [a, b]);
  }
  div(a: ValueId, b: ValueId): ValueId {
    const [x, y] = [this.number(a), this.number(b)];
    if (y === 1) return a;
    return x !== undefined && y !== undefined ? this.scalarOf(x / y, 'float32') : this.op('Div', [a, b]);
  }
  /** Times a number that products and means can take into themselves. */
  times(base: ValueId, factor: number, like: ValueId): ValueId {
    const made = this.mul(base, this.scalar(factor, like));
    // Attributes are float32.
    if (made !== base && this.dtype(like) === 'float32') this.#common.scaled.set(made, { base, factor });
    return made;
  }
  unscaled(value: ValueId): Scaled {
    return this.#common.scaled.get(value) ?? { base: value, factor: 1 };
  }
  /** Of a constant scalar of float32. */
  number(id: ValueId): number | undefined {
    const type = this.typeOf(id);
    const isScalar = type?.kind === 'tensor' && type.dtype === 'float32' && type.dims?.length === 0;
    return isScalar ? this.numbers(id)?.[0] : undefined;
  }
  neg = (a: ValueId): ValueId => this.op('Neg', [a]);
  where = (c: ValueId, a: ValueId, b: ValueId): ValueId => this.op('Where', [c, a, b]);
  cast = (a: ValueId, dtype: DType): ValueId => this.op('Cast', [a], int('to', elemTypeOf(dtype)));
  shape = (a: ValueId): ValueId => this.op('Shape', [a]);
  transpose(a: ValueId, perm: readonly number[]): ValueId {
    const { contracted, turned } = this.#common;
    const product = contracted.get(a);
    if (product !== undefined) {
      // The same product with its axes in this order; where it was made, since its operands are there.
      const given = this.#for;
      this.#for = product.for;
      const result = perm.map((axis) => product.of.result[axis]).join('');
      const made = this.contract({ ...product.of, result });
      this.#for = given;
      return made;
    }
    const made = this.op('Transpose', [a], ints('perm', perm));
    turned.set(made, { from: a, perm });
    return made;
  }
  /** In one op, which takes in what only turned its operands. */
  contract({ left, right, result }: Contraction): ValueId {
    const { contracted, turned } = this.#common;
    const straight = ([value, letters]: Contraction['left']): Contraction['left'] => {
      const { from, perm } = turned.get(value) ?? {};
      if (from === undefined || perm === undefined) return [value, letters];
      const own: string[] = [];
      for (const [to, axis] of perm.entries()) own[axis] = letters[to]!;
      return [from, own.join('')];
    };
    const of = { left: straight(left), right: straight(right), result };
    const made = this.op(
      'Einsum',
      [of.left[0], of.right[0]],
      string('equation', `${of.left[1]},${of.right[1]}->${result}`),
    );
    contracted.set(made, { of, for: this.#for });
    return made;
  }

  /** The shape of one of the model's own values: a constant where it is known. */
  shapeOf(id: ValueId): ValueId {
    const sizes = this.sizes(id);
    return sizes === undefined ? this.shape(id) : this.list(sizes);
  }
  /** With the shape that a value of the model has. */
  reshapeLike(value: ValueId, like: ValueId): ValueId {
    return this.reshape(value, this.shapeOf(like));
  }
  reshape(value: ValueId, shape: ValueId): ValueId {
    return this.op('Reshape', [value, shape], int('allowzero', 1));
  }
  /** As one row. */
  flat(value: ValueId): ValueId {
    return this.op('Reshape', [value, this.list([-1])]);
  }
  zerosLike(like: ValueId): ValueId {
    return this.op('Expand', [this.scalar(0, like), this.shapeOf(like)]);
  }
  /** How many elements, as a scalar of the element type of `like`. */
  sizeOf(value: ValueId, like: ValueId): ValueId {
    const sizes = this.sizes(value);
    if (sizes !== undefined)
      return this.scalar(
        sizes.reduce((count, size) => count * size, 1),
        like,
      );
    return this.cast(this.op('Size', [value]), this.dtype(like));
  }
  sum(value: ValueId, axes: readonly number[], keepdims = false): ValueId {
    return axes.length === 0
      ? value
      : this.op('ReduceSum', [value, this.list(axes)], int('keepdims', keepdims ? 1 : 0));
  }

  /**
   * The gradient of an operand that was broadcast, from that of the result: summed over the axes along which it was
   * repeated. `like` is a value of the result's shape.
   */
  unbroadcast(gradient: ValueId, operand: ValueId, like: ValueId): ValueId {
    const [from, to] = [this.dims(operand), this.dims(like)];
    const lead = to.length - from.length;
    const isOpen = (dim: Dim, axis: number): boolean =>
      typeof dim !== 'number' && (dim === null || dim !== to[axis + lead]);
    if (!from.some(isOpen)) {
      const repeated = from.flatMap((dim, axis) => (dim === 1 && to[axis + lead] !== 1 ? [axis + lead] : []));
      const summed = [...Array.from({ length: lead }, (_, axis) => axis), ...repeated];
      const { base, factor } = this.unscaled(gradient);
      const count = summed.reduce((product, axis) => product * Number(to[axis] ?? Number.NaN), factor);
      if (factor !== 1 && Math.abs(count - 1) < 1e-9 && repeated.length * lead === 0)
        return this.op('ReduceMean', [base, this.list(summed)], int('keepdims', lead === 0 ? 1 : 0));
      const kept = this.sum(gradient, repeated, true);
      return this.sum(
        kept,
        Array.from({ length: lead }, (_, axis) => axis),
      );
    }
    return this.unbroadcastTo(gradient, this.shape(operand), lead);
  }
  /** The same where sizes are known when it runs: every axis of size 1 is summed over, which does no harm if it was 1. */
  unbroadcastTo(gradient: ValueId, shape: ValueId, lead: number): ValueId {
    const one = this.scalarOf(1, 'int64');
    const padded =
      lead === 0 ? shape : this.op('Concat', [this.list(new Array(lead).fill(1)), shape], int('axis', 0));
    const axes = this.flat(this.op('NonZero', [this.op('Equal', [padded, one])]));
    const summed = this.op('ReduceSum', [gradient, axes], int('keepdims', 1), int('noop_with_empty_axes', 1));
    return this.reshape(summed, shape);
  }
}
