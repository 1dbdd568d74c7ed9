// Random graphs in ONNX text, in float64: ops in the forms that their operators admit, wired to one another.

import { tensorFrom } from '../../../cli/tensors/elements.ts';
import type { Tensor } from '../../../ir/index.ts';

/** Where the numbers come from. */
export interface Draw {
  int(from: number, to: number): number;
  /** A number from -2 to 2, with many digits: no two are equal. */
  real(): number;
}

export type Attributes = Readonly<
  Record<string, number | string | boolean | readonly number[] | Raw | undefined>
>;
/** Attribute text as it stands. */
export interface Raw {
  readonly text: string;
}
export const raw = (text: string): Raw => ({ text });
/** A float attribute: in the text it needs a point. */
export const real = (value: number): Raw => raw(/[.e]/.test(String(value)) ? String(value) : `${value}.0`);

/** What an operand may be: any number, a positive one, or one between -0.9 and 0.9. */
export type Domain = 'any' | 'positive' | 'unit' | 'aboveOne';

export const product = (dims: readonly number[]): number => dims.reduce((count, size) => count * size, 1);

interface Input {
  readonly name: string;
  readonly declared: string;
  readonly value: Tensor;
}

export class Sketch {
  readonly draw: Draw;
  readonly opset: number;
  readonly lines: string[] = [];
  readonly inputs: Input[] = [];
  /** Values of floating-point numbers so far, of any shape. */
  readonly made: string[] = [];
  /** Whether some of it is computed in float32, which is as exact as that. */
  isCoarse = false;
  readonly #symbolic: boolean;
  #count = 0;

  constructor(draw: Draw, opset: number) {
    this.draw = draw;
    this.opset = opset;
    this.#symbolic = draw.int(0, 2) === 0;
  }

  int = (from: number, to: number): number => this.draw.int(from, to);
  /** True once in so many times. */
  rarely = (times = 3): boolean => this.draw.int(1, times) === 1;
  pick = <T>(list: readonly T[]): T => list[this.draw.int(0, list.length - 1)]!;
  /** Sizes, rarely 0. */
  dims(rank = this.int(0, 4), from = 1, to = 4): number[] {
    return Array.from({ length: rank }, () => (from <= 1 && this.rarely(25) ? 0 : this.int(from, to)));
  }
  /** An axis, from either end. */
  axis = (rank: number): number => this.int(-rank, rank - 1);
  some = (list: readonly number[]): number[] => list.filter(() => this.rarely(2));
  name = (stem = 'v'): string => `${stem}${this.#count++}`;

  #declare(dims: readonly number[]): string {
    const open = dims.map((size, at) => (this.#symbolic ? `D${this.#count}_${at}` : String(size)));
    // In the text, [] is any rank, and nothing is a scalar.
    return open.length === 0 ? '' : `[${open.join(',')}]`;
  }
  given(
    type: string,
    dtype: Tensor['dtype'],
    dims: readonly number[],
    elements: readonly (number | boolean)[],
  ): string {
    const name = this.name('x');
    this.inputs.push({
      name,
      declared: `${type}${this.#declare(dims)} ${name}`,
      value: tensorFrom(dtype, [...dims], [...elements]),
    });
    return name;
  }
  /** An input that counts. */
  input(dims: readonly number[]): string {
    return this.given(
      'double',
      'float64',
      dims,
      Array.from({ length: product(dims) }, () => this.draw.real()),
    );
  }
  mask = (dims: readonly number[]): string =>
    this.given(
      'bool',
      'bool',
      dims,
      Array.from({ length: product(dims) }, () => this.rarely(2)),
    );
  /** Indices, as an input or a constant. */
  indices(dims: readonly number[], values: readonly number[]): string {
    if (dims.length === 1 && !this.rarely(3)) return this.list(values);
    return this.given('int64', 'int64', dims, values);
  }
  /** int64 of one dimension, mostly a constant. */
  list(values: readonly number[]): string {
    if (this.rarely(6)) return this.given('int64', 'int64', [values.length], values);
    return this.line('Constant', [], { value: raw(`int64[${values.length}] {${values.join(', ')}}`) })[0]!;
  }
  scalar = (value: number): string => this.line('Constant', [], { value: raw(`int64 {${value}}`) })[0]!;
  number = (value: number): string => this.line('Constant', [], { value: raw(`double {${value}}`) })[0]!;

  /** A value of this shape, made from an input or from what other ops gave. */
  x(dims: readonly number[], domain: Domain = 'any'): string {
    const plain = this.made.length > 0 && this.rarely(2) ? this.#fitted(dims) : this.input(dims);
    const op = (type: string, ...inputs: string[]): string => this.line(type, inputs)[0]!;
    switch (domain) {
      case 'any':
        return plain;
      case 'positive':
        return op('Exp', op('Sin', plain));
      case 'unit':
        return op('Mul', op('Sin', plain), this.number(0.9));
      case 'aboveOne':
        return op('Add', op('Exp', op('Sin', plain)), this.number(1.1));
    }
  }
  /** Something that was made before, cut and filled up to this shape, and not too large. */
  #fitted(dims: readonly number[]): string {
    const op = (type: string, ...inputs: string[]): string => this.line(type, inputs)[0]!;
    const count = product(dims);
    const flat = op('Reshape', this.pick(this.made), this.list([-1]));
    const [joined] = this.line('Concat', [flat, this.input([count])], { axis: 0 });
    const cut = op('Slice', joined!, this.list([0]), this.list([count]));
    const small = op('Mul', op('Sin', cut), this.number(2));
    // A dimension of 0 in the shape of a Reshape says something else.
    if (dims.includes(0)) return this.input(dims);
    return op('Reshape', small, this.list(dims));
  }

  line(type: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string[] {
    const names = Array.from({ length: outputs }, () => this.name());
    this.lines.push(`${names.join(', ')} = ${type} ${attributeText(attributes)}(${inputs.join(', ')})`);
    return names;
  }
  /** The op this graph is about; its results of floating-point numbers become outputs. `constants`: how many of the last are not. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    outputs = 1,
    constants = 0,
  ): string[] {
    const names = this.line(type, inputs, attributes, outputs);
    this.made.push(...names.slice(0, outputs - constants));
    return names;
  }

  /** An op that does not take float64: in float32. `floats`: which of its inputs are floating-point numbers. */
  single(
    type: string,
    inputs: readonly string[],
    floats: readonly boolean[],
    attributes: Attributes = {},
    outputs = 1,
  ): void {
    this.isCoarse = true;
    const cast = (name: string, to: number): string => this.line('Cast', [name], { to })[0]!;
    const narrow = inputs.map((name, at) => (floats[at] && name !== '' ? cast(name, 1) : name));
    const results = this.line(type, narrow, attributes, outputs);
    this.made.push(...results.map((name) => cast(name, 11)));
  }

  text(): string {
    const inputs = this.inputs.map(({ declared }) => declared).join(', ');
    // Without types: shapes are what inference finds.
    const outputs = this.made.join(', ');
    return `<ir_version: 10, opset_import: ["" : ${this.opset}]>\nagraph (${inputs}) => (${outputs}) {\n  ${this.lines.join('\n  ')}\n}\n`;
  }
}

function attributeText(attributes: Attributes): string {
  const parts = Object.entries(attributes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value === 'object' && 'text' in value) return [`${name} = ${value.text}`];
    if (typeof value === 'string') return [`${name} = "${value}"`];
    if (typeof value === 'number') return [`${name} = ${value}`];
    if (typeof value === 'boolean') return [`${name} = ${value ? 1 : 0}`];
    return [`${name} = [${value.join(', ')}]`];
  });
  return parts.length === 0 ? '' : `<${parts.join(', ')}>`;
}
