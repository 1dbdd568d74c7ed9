// Models for tests, written as lines of text:
//
//   modelOf(`
//     input x: float32[2, 3] @phone
//     weight w: float32[3, 4]
//     h = Relu(x) @phone
//     y = MatMul(h, w) @server
//     output y @server
//   `)
//
// `@phone` is the one-member class phone, `@phone.each` the cohort. Ops of our core domain are written
// `core.When(x, c)`, attributes `<key = "s", axis = 1, ints = [1, 2]>`. Outputs are separated by commas.

import {
  type Attribute,
  DOMAIN,
  type DType,
  each,
  type Model,
  ModelEditor,
  NO_VALUE,
  type OpId,
  type Place,
  single,
  type Tensor,
  tensorType,
  type ValueId,
} from '../../ir/index.ts';
import { weightOf } from '../../ir/onnx/weights.ts';

const place = (text: string | undefined): Place | undefined => {
  if (text === undefined) return undefined;
  return text.endsWith('.each') ? each(text.slice(0, -'.each'.length)) : single(text);
};

export function modelOf(text: string, opset = 21): Model & { outputPlaces: readonly (Place | undefined)[] } {
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', opset]]), file: 'test.onnx' });
  const main = editor.addGraph({ kind: 'main', name: 'test' });
  editor.main = main;
  const values = new Map<string, ValueId>([['', NO_VALUE]]);
  const inputs: ValueId[] = [];
  const outputs: ValueId[] = [];
  const initializers: ValueId[] = [];
  const ops: OpId[] = [];
  const outputPlaces: (Place | undefined)[] = [];
  const known = (name: string): ValueId => {
    const id = values.get(name);
    if (id === undefined) throw new Error(`test model reads ${name} before it is made`);
    return id;
  };

  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '') continue;
    const [, body, at] = /^(.*?)(?:\s*@(\S+))?$/.exec(line)!;
    const declared = /^(input|private|weight) (\S+): (\w+)\[(.*)\]$/.exec(body!);
    const returned = /^output (\S+)$/.exec(body!);
    if (declared) {
      const [, kind, name, dtype, dimText] = declared;
      const dims =
        dimText === ''
          ? []
          : dimText!.split(',').map((dim) => (Number.isNaN(Number(dim)) ? dim.trim() : Number(dim)));
      const type = tensorType(dtype as DType, dims);
      if (kind !== 'weight') {
        const id = editor.addValue(main, {
          name: name!,
          type,
          place: place(at),
          private: kind === 'private',
          def: { kind: 'input', index: inputs.length },
        });
        inputs.push(id);
        values.set(name!, id);
      } else {
        const weight = weightOf(filled(dtype as DType, dims as number[]));
        const id = editor.addValue(main, { name: name!, type, weight, def: { kind: 'initializer' } });
        initializers.push(id);
        values.set(name!, id);
      }
    } else if (returned) {
      outputs.push(known(returned[1]!));
      outputPlaces.push(place(at));
    } else {
      const [, results, domain, type, attributes, operands] =
        /^(?:(.*?)\s*=\s*)?(?:(core)\.)?(\w+)(?:<(.*)>)?\((.*)\)$/.exec(body!)!;
      const list = (names: string | undefined): string[] =>
        names ? names.split(',').map((one) => one.trim()) : [];
      const made = list(results).map((name) => {
        const id = editor.addValue(main, { name });
        values.set(name, id);
        return id;
      });
      ops.push(
        editor.addOp(main, {
          domain: domain ? DOMAIN.core : '',
          type: type!,
          inputs: list(operands).map(known),
          outputs: made,
          attributes: attributesOf(attributes),
          place: place(at),
        }),
      );
    }
  }
  editor.setGraph(main, { inputs, outputs, initializers, ops });
  return Object.assign(editor.finish(), { outputPlaces });
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
