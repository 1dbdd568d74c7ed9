// Small models from lines of text, for tests of passes:
//   "x: float32[4]"            an input        "y, z = Split(x) @server"   an op, placed
//   "w = float32[4,4]"         an initializer  "> y, z"                    the outputs
// Values have the type of the first input unless given by "y: int64[2] = Shape(x)".

import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import {
  byteLengthOf,
  type DType,
  each,
  elemTypeOf,
  type GraphId,
  type Model,
  ModelEditor,
  type Place,
  single,
  tensorType,
  type ValueId,
  type ValueType,
} from '../../ir/index.ts';

export function smallModel(text: string): Model {
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'small.onnx' });
  const main = editor.addGraph({ kind: 'main', name: 'main' });
  editor.main = main;
  const builder = new Builder(editor, main);
  for (const line of text.split('\n')) if (line.trim() !== '') builder.line(line.trim());
  builder.finish();
  return editor.finish();
}

class Builder {
  readonly #editor: ModelEditor;
  readonly #main: GraphId;
  readonly #values = new Map<string, ValueId>();
  readonly #inputs: ValueId[] = [];
  readonly #initializers: ValueId[] = [];
  #outputs: ValueId[] = [];
  #line = 0;

  constructor(editor: ModelEditor, main: GraphId) {
    this.#editor = editor;
    this.#main = main;
  }

  line(text: string): void {
    this.#line++;
    const at = { file: 'small.txt', line: this.#line, column: 1 };
    const outputs = /^> (.+)$/.exec(text);
    const op = /^(.+?) = ([\w.]+::)?(\w+)\((.*?)\)( @[\w.]+)?( in [\w.]+)?$/.exec(text);
    const weight = /^(\w+) = (\w+\[.*\])$/.exec(text);
    const input = /^(private )?(\w+): (.+?)( @[\w.]+)?$/.exec(text);
    if (outputs) this.#outputs = names(outputs[1]!).map((name) => this.#values.get(name)!);
    else if (weight) {
      const type = parseType(weight[2]!);
      const dims = (type.kind === 'tensor' ? type.dims : []) as number[];
      const dtype = type.kind === 'tensor' ? type.dtype : undefined;
      const byteLength = byteLengthOf(
        dtype!,
        dims.reduce((a, b) => a * b, 1),
      )!;
      const source = {
        name: 'zeros',
        byteLength,
        read: (_: number, length: number) => new Uint8Array(length),
      };
      const proto = create(TensorProtoSchema, { dataType: elemTypeOf(dtype!), dims: dims.map(BigInt) });
      const value = this.#value(weight[1]!, {
        type,
        def: { kind: 'initializer' },
        weight: { dtype, dims, proto, range: { source, offset: 0, byteLength } },
      });
      this.#initializers.push(value);
    } else if (op) {
      const made = op[1]!.split(/, (?=\w+(?:[,:]|$))/).map((one) => {
        const [name, type] = one.split(': ');
        return this.#value(name!, { type: type === undefined ? this.#defaultType() : parseType(type) });
      });
      const id = this.#editor.addOp(this.#main, {
        domain: op[2]?.slice(0, -2) ?? '',
        type: op[3]!,
        name: op[1]!.split(/[,:]/)[0]!,
        inputs: names(op[4]!).map((name) => this.#values.get(name)!),
        outputs: made,
        scope: op[6]?.slice(4),
        place: parsePlace(op[5]),
        at,
      });
      this.#ops.push(id);
    } else if (input) {
      const value = this.#value(input[2]!, {
        type: parseType(input[3]!),
        def: { kind: 'input', index: this.#inputs.length },
        place: parsePlace(input[4]),
        private: input[1] !== undefined,
        at,
      });
      this.#inputs.push(value);
    } else throw new Error(`not a line of a small model: ${text}`);
  }

  readonly #ops: ReturnType<ModelEditor['addOp']>[] = [];

  finish(): void {
    this.#editor.setGraph(this.#main, {
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
      ops: this.#ops,
    });
  }

  #value(name: string, rest: Partial<Parameters<ModelEditor['addValue']>[1]>): ValueId {
    const id = this.#editor.addValue(this.#main, { ...rest, name });
    this.#values.set(name, id);
    return id;
  }

  #defaultType(): ValueType | undefined {
    const first = this.#inputs[0];
    return first === undefined ? tensorType('float32', [1]) : this.#editor.value(first).type;
  }
}

const names = (text: string): readonly string[] => text.split(', ').filter((name) => name !== '');

function parseType(text: string): ValueType {
  const sequence = /^seq\((.+)\)$/.exec(text);
  if (sequence) return { kind: 'sequence', elem: parseType(sequence[1]!) };
  const [, dtype, dims] = /^(\w+)(?:\[(.*)\])?$/.exec(text)!;
  const shape = dims?.split(',').map((dim) => (dim.trim() === '' ? null : Number(dim)));
  return tensorType(dtype as DType, dims === '' ? [] : shape);
}

function parsePlace(text: string | undefined): Place | undefined {
  const [name, binder] = text?.slice(2).split('.') ?? [];
  if (name === undefined) return undefined;
  return binder === 'each' ? each(name) : single(name);
}
