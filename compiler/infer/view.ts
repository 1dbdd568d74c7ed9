// What a rule sees of one op: types and known values of its inputs, attributes with references resolved.

import {
  type Attribute,
  attributeFloat,
  attributeInt,
  attributeInts,
  attributeString,
  findAttribute,
  NO_VALUE,
  type Op,
  type Weight,
} from '../../ir/graph.ts';
import type { OpSchema } from '../../ir/ops/schema.ts';
import type { Dim, DType, Shape, ValueType } from '../../ir/types.ts';
import type { Known } from './known.ts';

/** Where the view finds facts about values; the evaluator's tables. */
export interface Facts {
  typeOf(value: Op['inputs'][number]): ValueType | undefined;
  knownOf(value: Op['inputs'][number]): Known | undefined;
}

export class OpView {
  readonly op: Op;
  readonly schema: OpSchema | undefined;
  readonly #facts: Facts;

  constructor(op: Op, schema: OpSchema | undefined, facts: Facts) {
    this.op = op;
    this.schema = schema;
    this.#facts = facts;
  }

  /** First opset of the op's version; rules compare with it. */
  get since(): number {
    return this.schema?.since ?? 0;
  }
  get inputCount(): number {
    return this.op.inputs.length;
  }
  get outputCount(): number {
    return this.op.outputs.length;
  }

  has(index: number): boolean {
    return (this.op.inputs[index] ?? NO_VALUE) !== NO_VALUE;
  }
  type(index: number): ValueType | undefined {
    return this.has(index) ? this.#facts.typeOf(this.op.inputs[index]!) : undefined;
  }
  dtype(index: number): DType | undefined {
    const type = this.type(index);
    return type?.kind === 'tensor' || type?.kind === 'sparse' ? type.dtype : undefined;
  }
  dims(index: number): Shape {
    const type = this.type(index);
    return type?.kind === 'tensor' || type?.kind === 'sparse' ? type.dims : undefined;
  }
  rank(index: number): number | undefined {
    return this.dims(index)?.length;
  }
  /** One dimension of an input; null if it or the rank is not known. */
  dim(index: number, axis: number): Dim {
    return this.dims(index)?.at(axis) ?? null;
  }
  /** The shapes of all inputs, omitted ones left out. */
  allDims(): Shape[] {
    const all: Shape[] = [];
    for (let index = 0; index < this.inputCount; index++) if (this.has(index)) all.push(this.dims(index));
    return all;
  }

  known(index: number): Known | undefined {
    return this.has(index) ? this.#facts.knownOf(this.op.inputs[index]!) : undefined;
  }
  /** The known elements of an input in order; undefined if it is not known at all. */
  elems(index: number): readonly Dim[] | undefined {
    return this.known(index)?.elems;
  }
  /** As {@link elems}, but only if every element is a number. */
  numbers(index: number): readonly number[] | undefined {
    const elems = this.elems(index);
    return elems?.every((elem) => typeof elem === 'number') ? (elems as readonly number[]) : undefined;
  }

  attribute(name: string): Attribute | undefined {
    return findAttribute(this.op, name);
  }
  int(name: string): number | undefined;
  int(name: string, fallback: number): number;
  int(name: string, fallback?: number): number | undefined {
    return attributeInt(this.op, name) ?? fallback;
  }
  ints(name: string): readonly number[] | undefined {
    return attributeInts(this.op, name);
  }
  float(name: string): number | undefined {
    return attributeFloat(this.op, name);
  }
  floats(name: string): readonly number[] | undefined {
    const attribute = this.attribute(name);
    return attribute?.kind === 'floats' ? attribute.value : undefined;
  }
  string(name: string): string | undefined {
    return attributeString(this.op, name);
  }
  tensor(name: string): Weight | undefined {
    const attribute = this.attribute(name);
    return attribute?.kind === 'tensor' ? attribute.value : undefined;
  }
  /** Axes from the attribute of older versions or the input of newer ones: undefined if not known, null if absent. */
  axes(inputIndex: number, name = 'axes'): readonly number[] | null | undefined {
    const attribute = this.ints(name);
    if (attribute !== undefined) return attribute;
    return this.has(inputIndex) ? this.numbers(inputIndex) : null;
  }
}
