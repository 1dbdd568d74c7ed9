// Whether two models hold the same graph: the same ops with the same attributes over the same values, up to names
// inside, up to the order of ops that do not depend on each other, and up to what says the same in another way:
//
//   - a constant is one, whether an initializer or a Constant op holds it, in whichever graph around
//   - an attribute that has its default is as good as none
//   - an op that no output needs is none
//   - a graph's output that is an input, a constant or another output may be a copy of it
//
// Both graphs are walked together from their outputs to their inputs.

import {
  type Attribute,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type Value,
  type ValueId,
  type Weight,
} from './graph.ts';
import { constantOf } from './onnx/constants.ts';
import { typeOf } from './onnx/types.ts';
import { readWeight } from './onnx/weights.ts';
import { schemaOf } from './ops/schema.ts';
import { formatType, type ValueType } from './types.ts';

/** The first differences, as text; empty if the graphs are the same. `b` may know more about output types than `a`. */
export function graphDifferences(a: Model, b: Model): readonly string[] {
  return new Comparison(a, b).run();
}

const MAX_DIFFERENCES = 5;

/** One side of the comparison. */
class Side {
  readonly model: Model;
  readonly #opset: number;
  constructor(model: Model) {
    this.model = model;
    this.#opset = model.header.opsets.get('') ?? 0;
  }

  value(id: ValueId): Value {
    return this.model.value(id);
  }
  /** The op that makes a value. */
  maker({ def }: Value): Op | undefined {
    return def.kind === 'op' ? this.model.op(def.op) : undefined;
  }
  constant(value: Value): Weight | undefined {
    if (value.weight !== undefined) return value.weight;
    const op = this.maker(value);
    return op === undefined ? undefined : constantOf(op);
  }

  /** A graph's output, or what it copies. */
  result(graph: GraphId, id: ValueId): ValueId {
    const { outputs } = this.model.graph(graph);
    for (let at = id; ; ) {
      const op = this.maker(this.value(at));
      if (op?.type !== 'Identity' || op.domain !== '' || op.graph !== graph) return at;
      const from = op.inputs[0]!;
      const source = this.maker(this.value(from));
      const own = source?.graph === graph && constantOf(source) === undefined && !outputs.includes(from);
      if (own) return at;
      at = from;
    }
  }

  /** Attributes by name, without those that have their default. */
  attributes(op: Op): ReadonlyMap<string, Attribute> {
    const schema = op.domain === '' ? schemaOf('', op.type, this.#opset) : undefined;
    const said = op.attributes.filter((attribute) => {
      const fallback = schema?.attributes.find((one) => one.name === attribute.name)?.default;
      return attribute.kind !== 'undefined' && (fallback === undefined || !isDefault(attribute, fallback));
    });
    return new Map(said.map((attribute) => [attribute.name, attribute]));
  }
}

class Comparison {
  readonly #a: Side;
  readonly #b: Side;
  readonly #differences: string[] = [];
  readonly #values = new Map<ValueId, ValueId>();
  readonly #ops = new Map<OpId, OpId>();
  readonly #opsBack = new Map<OpId, OpId>();
  readonly #pending: [ValueId, ValueId][] = [];

  constructor(a: Model, b: Model) {
    this.#a = new Side(a);
    this.#b = new Side(b);
  }

  run(): readonly string[] {
    const [a, b] = [this.#a.model, this.#b.model];
    const [versionA, versionB] = [a, b].map((model) => model.header.opsets.get(''));
    if (versionA !== versionB) this.#differ(`opset ${versionA} and ${versionB}`);
    this.#ports('input', a.mainGraph.inputs, b.mainGraph.inputs);
    this.#ports('output', a.mainGraph.outputs, b.mainGraph.outputs);
    this.#graphs('the graph', a.main, b.main);
    for (let next = this.#pending.pop(); next !== undefined && !this.#full; next = this.#pending.pop()) {
      this.#match(...next);
    }
    return this.#differences;
  }

  get #full(): boolean {
    return this.#differences.length >= MAX_DIFFERENCES;
  }
  #differ(text: string): void {
    if (!this.#full) this.#differences.push(text);
  }

  /** Names and types of what enters and leaves; inputs with a default count as constants. */
  #ports(what: string, idsA: readonly ValueId[], idsB: readonly ValueId[]): void {
    const open = (side: Side, ids: readonly ValueId[]): Value[] =>
      ids.map((id) => side.value(id)).filter(({ weight }) => what === 'output' || weight === undefined);
    const [a, b] = [open(this.#a, idsA), open(this.#b, idsB)];
    if (a.length !== b.length) this.#differ(`${a.length} ${what}s and ${b.length}`);
    for (const [index, value] of a.entries()) {
      const other = b[index];
      if (other === undefined) return;
      if (value.name !== other.name) this.#differ(`${what} ${value.name} and ${other.name}`);
      const same =
        what === 'input' ? formatType(value.type) === formatType(other.type) : agree(value.type, other.type);
      if (!same)
        this.#differ(`${what} ${value.name} is ${formatType(value.type)} and ${formatType(other.type)}`);
    }
  }

  #graphs(what: string, idA: GraphId, idB: GraphId): void {
    const open = (side: Side, id: GraphId): readonly ValueId[] =>
      side.model.graph(id).inputs.filter((input) => side.value(input).weight === undefined);
    const [inputsA, inputsB] = [open(this.#a, idA), open(this.#b, idB)];
    const [outputsA, outputsB] = [this.#a.model.graph(idA).outputs, this.#b.model.graph(idB).outputs];
    if (inputsA.length !== inputsB.length)
      this.#differ(`${what} has ${inputsA.length} inputs and ${inputsB.length}`);
    if (outputsA.length !== outputsB.length)
      this.#differ(`${what} has ${outputsA.length} outputs and ${outputsB.length}`);
    inputsA.forEach((id, index) => {
      this.#values.set(id, inputsB[index] ?? NO_VALUE);
    });
    outputsA.forEach((id, index) => {
      const other = outputsB[index];
      if (other === undefined) return;
      this.#pending.push([this.#a.result(idA, id), this.#b.result(idB, other)]);
    });
  }

  #match(idA: ValueId, idB: ValueId): void {
    if (idA === NO_VALUE || idB === NO_VALUE) {
      if (idA !== idB) this.#differ(`an input of an op is there in one graph only`);
      return;
    }
    const known = this.#values.get(idA);
    if (known !== undefined) {
      if (known !== idB) this.#differ(this.#names(idA, idB));
      return;
    }
    const [a, b] = [this.#a.value(idA), this.#b.value(idB)];
    const [weightA, weightB] = [this.#a.constant(a), this.#b.constant(b)];
    if (weightA !== undefined || weightB !== undefined) {
      if (weightA === undefined || weightB === undefined || !sameWeight(weightA, weightB))
        this.#differ(`constant ${this.#names(idA, idB)}`);
      return;
    }
    this.#values.set(idA, idB);
    const [opA, opB] = [this.#a.maker(a), this.#b.maker(b)];
    if (opA === undefined || opB === undefined || a.def.kind !== 'op' || b.def.kind !== 'op') {
      this.#differ(this.#names(idA, idB));
      return;
    }
    if (a.def.index !== b.def.index) this.#differ(`${this.#names(idA, idB)}: another output of ${opA.type}`);
    this.#matchOps(opA, opB, this.#names(idA, idB));
  }

  #matchOps(a: Op, b: Op, what: string): void {
    const [there, back] = [this.#ops.get(a.id), this.#opsBack.get(b.id)];
    if (there !== undefined || back !== undefined) {
      if (there !== b.id || back !== a.id) this.#differ(`${what}: one op here, two there`);
      return;
    }
    this.#ops.set(a.id, b.id);
    this.#opsBack.set(b.id, a.id);
    if (a.type !== b.type || a.domain !== b.domain || a.overload !== b.overload) {
      this.#differ(`${what}: ${a.type} and ${b.type}`);
      return;
    }
    const [inputsA, inputsB] = [given(a), given(b)];
    if (inputsA.length !== inputsB.length) {
      this.#differ(`${what}: ${a.type} of ${inputsA.length} values and of ${inputsB.length}`);
      return;
    }
    this.#matchAttributes(a, b, what);
    inputsA.forEach((id, index) => {
      this.#pending.push([id, inputsB[index]!]);
    });
  }

  #matchAttributes(a: Op, b: Op, what: string): void {
    const [ofA, ofB] = [this.#a.attributes(a), this.#b.attributes(b)];
    for (const name of new Set([...ofA.keys(), ...ofB.keys()])) {
      const [x, y] = [ofA.get(name), ofB.get(name)];
      const text = `${what}: attribute ${name} of ${a.type}`;
      if (x === undefined || y === undefined || x.kind !== y.kind) this.#differ(text);
      else if (x.kind === 'graph' && y.kind === 'graph') this.#graphs(text, x.value, y.value);
      else if (!sameAttribute(x, y)) this.#differ(text);
    }
  }

  #names(a: ValueId, b: ValueId): string {
    return `value ${this.#a.value(a).name} and ${this.#b.value(b).name}`;
  }
}

/** Inputs without the omitted ones at the end. */
function given({ inputs }: Op): readonly ValueId[] {
  let count = inputs.length;
  while (count > 0 && inputs[count - 1] === NO_VALUE) count--;
  return inputs.slice(0, count);
}

function sameWeight(a: Weight, b: Weight): boolean {
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return false;
  const [x, y] = [a.range, b.range];
  if (x && y && x.source === y.source && x.offset === y.offset && x.byteLength === y.byteLength) return true;
  return sameBytes(readWeight(a).bytes, readWeight(b).bytes);
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);

function sameAttribute(a: Attribute, b: Attribute): boolean {
  if (a.kind === 'tensor' && b.kind === 'tensor') return sameWeight(a.value, b.value);
  if (a.kind === 'type' && b.kind === 'type')
    return formatType(typeOf(a.value)) === formatType(typeOf(b.value));
  return canonical(a) === canonical(b);
}

const canonical = ({ value }: Attribute): string =>
  JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return `${one}n`;
    if (typeof one === 'number' && (!Number.isFinite(one) || Object.is(one, -0)))
      return Object.is(one, -0) ? '-0' : String(one);
    return one instanceof Uint8Array ? [...one] : one;
  }) ?? '';

function isDefault(attribute: Attribute, fallback: unknown): boolean {
  switch (attribute.kind) {
    case 'int':
      return Number(attribute.value) === fallback;
    case 'float':
      return attribute.value === Math.fround(Number(fallback));
    case 'string':
      return new TextDecoder().decode(attribute.value) === fallback;
    default:
      return false;
  }
}

/** Whether `b` is `a`, or says more about sizes. */
function agree(a: ValueType | undefined, b: ValueType | undefined): boolean {
  if (a === undefined) return true;
  if (b === undefined || a.kind !== b.kind) return false;
  if ((a.kind === 'sequence' && b.kind === 'sequence') || (a.kind === 'optional' && b.kind === 'optional'))
    return agree(a.elem, b.elem);
  if (a.kind !== 'tensor' || b.kind !== 'tensor') return formatType(a) === formatType(b);
  if (a.dtype !== b.dtype) return false;
  if (a.dims === undefined) return true;
  if (b.dims?.length !== a.dims.length) return false;
  return a.dims.every(
    (dim, index) =>
      dim === null ||
      dim === b.dims![index] ||
      (typeof dim === 'string' && typeof b.dims![index] === 'number'),
  );
}
