// Models for tests, written as lines of text:
//
//   modelOf(`
//     input x: float32[N, 3] @phone
//     weight w: float32[3, 4]
//     h = Relu(x) @phone in encoder
//     y, z: int64[,2] = other.Op<key = "s", axis = 1, ints = [1, 2]>(h, w) @server
//     output y, z @server
//   `)
//
// `@phone` is the one-member class phone, `@phone.each` the cohort, `@phone.some(s)` those of a peer set, `@round:phone.me`
// who started a flow of the entry round; `private x` is an input that is private;
// `core.When(x, c)` is an op of our core domain. An omitted dimension is not known, nor is an omitted rank.

import {
  type Attribute,
  DOMAIN,
  type DType,
  type GraphId,
  type Model,
  ModelEditor,
  NO_VALUE,
  type OpId,
  type Place,
  single,
  type Tensor,
  tensorType,
  type ValueId,
  type ValueType,
} from '../../ir/index.ts';
import { weightOf } from '../../ir/onnx/weights.ts';

/** As recorded: ops without names and lines, types only where the text gives them. */
export function modelOf(text: string, opset = 21): Model & { outputPlaces: readonly (Place | undefined)[] } {
  const reader = new Reader(opset, false);
  const model = reader.read(text);
  return Object.assign(model, { outputPlaces: reader.outputPlaces });
}

/**
 * As inferred, for passes that begin there: what an op makes has the type of the first input unless the text
 * gives another. Each op is named after its first result, and has its line.
 */
export const typedModel = (text: string): Model => new Reader(21, true).read(text);

class Reader {
  readonly outputPlaces: (Place | undefined)[] = [];
  readonly #editor: ModelEditor;
  readonly #main: GraphId;
  readonly #typed: boolean;
  readonly #values = new Map<string, ValueId>([['', NO_VALUE]]);
  readonly #inputs: ValueId[] = [];
  readonly #outputs: ValueId[] = [];
  readonly #initializers: ValueId[] = [];
  readonly #ops: OpId[] = [];

  constructor(opset: number, typed: boolean) {
    this.#editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', opset]]), file: 'test.onnx' });
    this.#main = this.#editor.addGraph({ kind: 'main', name: 'test' });
    this.#editor.main = this.#main;
    this.#typed = typed;
  }

  read(text: string): Model {
    const lines = text.split('\n').map((line) => line.trim());
    for (const [index, line] of lines.filter((one) => one !== '').entries()) this.#line(line, index + 1);
    this.#editor.setGraph(this.#main, {
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
      ops: this.#ops,
    });
    return this.#editor.finish();
  }

  #line(text: string, number: number): void {
    const [, body, where, scope] = /^(.*?)(?:\s+@(\S+))?(?:\s+in (\S+))?$/.exec(text)!;
    const place = where === undefined ? undefined : this.#place(where);
    const at = this.#typed ? { file: 'test.txt', line: number, column: 1 } : undefined;
    const declared = /^(input|private|weight) (\S+): (.+)$/.exec(body!);
    const returned = /^output (.+)$/.exec(body!);
    if (declared?.[1] === 'weight') this.#weight(declared[2]!, parseType(declared[3]!));
    else if (declared) {
      const def = { kind: 'input', index: this.#inputs.length } as const;
      const [, kind, name, type] = declared;
      const rest = { type: parseType(type!), place, private: kind === 'private', def, at };
      this.#inputs.push(this.#value(name!, rest));
    } else if (returned) {
      for (const name of listed(returned[1])) {
        this.#outputs.push(this.#known(name));
        this.outputPlaces.push(place);
      }
    } else this.#op(body!, { place, scope, at });
  }

  #weight(name: string, type: ValueType): void {
    if (type.kind !== 'tensor') throw new Error(`weight ${name} is no tensor`);
    const weight = weightOf(filled(type.dtype!, type.dims as number[]));
    this.#initializers.push(this.#value(name, { type, weight, def: { kind: 'initializer' } }));
  }

  #op(body: string, rest: Partial<Parameters<ModelEditor['addOp']>[1]>): void {
    const parts = /^(?:(.*?)\s*=\s*)?(?:([\w.]+)\.)?(\w+)(?:<(.*)>)?\((.*)\)$/.exec(body);
    if (parts === null) throw new Error(`not a line of a test model: ${body}`);
    const [, results, domain = '', type, attributes, operands] = parts;
    const inputs = listed(operands).map((name) => this.#known(name));
    const outputs = listed(results).map((result) => {
      const [, name, stated] = /^(\w*)(?:: (.+))?$/.exec(result)!;
      return this.#value(name!, { type: stated === undefined ? this.#defaultType() : parseType(stated) });
    });
    const name = this.#typed && outputs.length > 0 ? this.#editor.value(outputs[0]!).name : undefined;
    this.#ops.push(
      this.#editor.addOp(this.#main, {
        ...rest,
        ...(name !== undefined && { name }),
        domain: domain === 'core' ? DOMAIN.core : domain,
        type: type!,
        inputs,
        outputs,
        attributes: attributesOf(attributes),
      }),
    );
  }

  #place(text: string): Place {
    const [, entry, name, kind, set] = /^(?:(\w+):)?(\w+)(?:\.(\w+)(?:\((\w+)\))?)?$/.exec(text)!;
    const rest = entry === undefined ? {} : { entry };
    if (kind === undefined) return { ...single(name!), ...rest };
    if (set === undefined) return { class: name!, binder: { kind: kind as 'me' | 'each' }, ...rest };
    const binder = { kind: kind as 'one' | 'some', set: this.#known(set), sticky: false };
    return { class: name!, binder, ...rest };
  }

  #known(name: string): ValueId {
    const id = this.#values.get(name);
    if (id === undefined) throw new Error(`test model reads ${name} before it is made`);
    return id;
  }

  #value(name: string, rest: Partial<Parameters<ModelEditor['addValue']>[1]>): ValueId {
    const id = this.#editor.addValue(this.#main, { ...rest, name });
    this.#values.set(name, id);
    return id;
  }

  #defaultType(): ValueType | undefined {
    if (!this.#typed) return undefined;
    const [first] = this.#inputs;
    return first === undefined ? tensorType('float32', [1]) : this.#editor.value(first).type;
  }
}

/** What commas separate that are in no brackets. */
const listed = (text: string | undefined): readonly string[] =>
  text ? text.split(/,(?![^[(]*[\])])/).map((one) => one.trim()) : [];

function parseType(text: string): ValueType {
  const sequence = /^seq\((.+)\)$/.exec(text);
  if (sequence) return { kind: 'sequence', elem: parseType(sequence[1]!) };
  const [, dtype, dims] = /^(\w+)(?:\[(.*)\])?$/.exec(text)!;
  const shape = dims?.split(',').map((one) => {
    const dim = one.trim();
    if (dim === '') return null;
    return Number.isNaN(Number(dim)) ? dim : Number(dim);
  });
  return tensorType(dtype as DType, dims === '' ? [] : shape);
}

function attributesOf(text: string | undefined): Attribute[] {
  if (!text) return [];
  return [...text.matchAll(/(\w+)\s*=\s*("[^"]*"|\[[^\]]*\]|[^,]+)/g)].map(([, name, value]): Attribute => {
    if (value!.startsWith('"'))
      return { name: name!, kind: 'string', value: new TextEncoder().encode(value!.slice(1, -1)) };
    if (value!.startsWith('['))
      return {
        name: name!,
        kind: 'ints',
        value: value!
          .slice(1, -1)
          .split(',')
          .map((one) => BigInt(one.trim())),
      };
    if (value!.includes('.')) return { name: name!, kind: 'float', value: Number(value) };
    return { name: name!, kind: 'int', value: BigInt(value!.trim()) };
  });
}

/** Small distinct numbers, so that a wrong element shows. */
function filled(dtype: DType, dims: readonly number[]): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const numbers = Array.from({ length: count }, (_, index) => (index % 7) - 3);
  const array =
    dtype === 'float32'
      ? Float32Array.from(numbers)
      : dtype === 'int64'
        ? BigInt64Array.from(numbers.map(BigInt))
        : Uint8Array.from(numbers.map((one) => (one > 0 ? 1 : 0)));
  return { dtype, dims, bytes: new Uint8Array(array.buffer) };
}
