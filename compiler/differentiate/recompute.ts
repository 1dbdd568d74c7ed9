// Values that gradients read and that are not to be stored: computed again from where the author's `recompute` began.
//
//   h = MatMul(x, w)  a = Tanh(h)  y = MatMul(a, v)         recompute: h, a
//   …                                                       d = the gradient that comes to y
//   x' = Reshape(x, Shape(x) + 0·d)  h' = MatMul(x', w)  a' = Tanh(h')     and gradients read a'
//
// The new shape is the old one, but nobody knows before there is a gradient: so a backend neither computes this before
// it is needed nor takes it for the same ops as the first time. ONNX Runtime hands a Reshape's bytes on without a copy.

import { Copier } from '../../ir/copy.ts';
import {
  dependenciesOf,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  subgraphsOf,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';
import { drawsRandom } from './random.ts';

/** By name of what is recomputed: the first gradient that came to it. */
export type Arrivals = ReadonlyMap<string, ValueId>;

/** Has the ops that the builder made read recomputed values, and puts their ops where they are first read. */
export function recompute(b: Builder, forward: readonly OpId[], arrivals: Arrivals): void {
  if (arrivals.size === 0) return;
  const regions = new Regions(b, forward, arrivals);
  for (const id of b.made.splice(0)) {
    const renamed = new Map<ValueId, ValueId>();
    for (const value of dependenciesOf(b.editor, b.editor.op(id))) {
      if (regions.isTransient(value)) renamed.set(value, regions.again(value));
    }
    if (renamed.size > 0) renameIn(b.editor, id, renamed);
    b.made.push(id);
  }
}

class Regions {
  readonly #b: Builder;
  readonly #arrivals: Arrivals;
  /** Values that are only read where they are made: by name of what is recomputed. */
  readonly #transient = new Map<ValueId, string>();
  readonly #copiers = new Map<string, Copier>();
  readonly #copied = new Set<OpId>();
  /** By name: a zero that is only known when a gradient has come. */
  readonly #zeros = new Map<string, ValueId>();

  constructor(b: Builder, forward: readonly OpId[], arrivals: Arrivals) {
    this.#b = b;
    this.#arrivals = arrivals;
    const { editor } = b;
    const kept = new Set(editor.graph(b.graph).outputs);
    for (const op of forward.map((id) => editor.op(id))) {
      const name = op.recompute;
      if (name === undefined || !arrivals.has(name) || drawsRandom(editor, op)) continue;
      for (const output of op.outputs) if (output !== NO_VALUE) this.#transient.set(output, name);
    }
    for (const op of forward.map((id) => editor.op(id)))
      for (const value of dependenciesOf(editor, op))
        if (this.#transient.get(value) !== op.recompute) kept.add(value);
    for (const value of kept) this.#transient.delete(value);
  }

  isTransient(value: ValueId): boolean {
    return this.#transient.has(value);
  }

  /** The value computed again. */
  again(value: ValueId): ValueId {
    const name = this.#transient.get(value)!;
    const { editor } = this.#b;
    const waiting = [this.#maker(value)];
    while (waiting.length > 0) {
      const op = waiting.at(-1)!;
      const missing = dependenciesOf(editor, op).filter(
        (one) => this.#transient.get(one) === name && !this.#copied.has(this.#maker(one).id),
      );
      if (missing.length > 0) {
        waiting.push(...missing.map((one) => this.#maker(one)));
        continue;
      }
      waiting.pop();
      if (!this.#copied.has(op.id)) this.#copy(op, name);
    }
    return this.#copierOf(name).value(value);
  }

  #copy(op: Op, name: string): void {
    const b = this.#b;
    const copier = this.#copierOf(name);
    b.for(op);
    for (const value of dependenciesOf(b.editor, op)) {
      if (copier.has(value)) continue;
      copier.bind(value, this.#isConstant(value) ? value : this.#late(value, name));
    }
    b.adopt(copier.op(op.id, b.graph), op);
    this.#copied.add(op.id);
  }

  /** The value, but only when the gradient has come. */
  #late(value: ValueId, name: string): ValueId {
    const b = this.#b;
    const type = b.typeOf(value);
    if (type?.kind !== 'tensor') return value;
    const late = b.reshape(value, b.add(b.shape(value), this.#zero(name)));
    b.editor.setValue(late, { type });
    return late;
  }

  #zero(name: string): ValueId {
    const b = this.#b;
    const known = this.#zeros.get(name);
    if (known !== undefined) return known;
    const sum = b.op('ReduceSum', [this.#arrivals.get(name)!], int('keepdims', 0));
    // 0 or 1, and half of it is 0.
    const zero = b.div(b.cast(b.cast(sum, 'bool'), 'int64'), b.scalarOf(2, 'int64'));
    this.#zeros.set(name, zero);
    return zero;
  }

  #isConstant(value: ValueId): boolean {
    const { def } = this.#b.editor.value(value);
    return def.kind === 'initializer' || (def.kind === 'op' && this.#b.editor.op(def.op).type === 'Constant');
  }

  #copierOf(name: string): Copier {
    let copier = this.#copiers.get(name);
    if (copier === undefined) {
      const { editor } = this.#b;
      copier = new Copier(editor, editor, [], (one) => this.#b.unique(`${one}_again`));
      this.#copiers.set(name, copier);
    }
    return copier;
  }

  #maker(value: ValueId): Op {
    const { def } = this.#b.editor.value(value);
    if (def.kind !== 'op') throw new Error('only what an op made is computed again');
    return this.#b.editor.op(def.op);
  }
}

/** Has an op, and those in its subgraphs, read and make other values. */
export function renameIn(editor: ModelEditor, id: OpId, names: ReadonlyMap<ValueId, ValueId>): void {
  const op = editor.op(id);
  const of = (value: ValueId): ValueId => names.get(value) ?? value;
  const touches = (values: readonly ValueId[]): boolean => values.some((one) => names.has(one));
  if (touches(op.inputs)) editor.setOp(id, { inputs: op.inputs.map(of) });
  if (touches(op.outputs)) editor.setOp(id, { outputs: op.outputs.map(of) });
  for (const inner of subgraphsOf(op)) {
    const { ops, outputs } = editor.graph(inner);
    for (const one of ops) renameIn(editor, one, names);
    if (touches(outputs)) editor.setGraph(inner, { outputs: outputs.map(of) });
  }
}
