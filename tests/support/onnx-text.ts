// Models in ONNX's textual syntax (what `onnx.parser.parse_model` reads), as much of it as documents and tests use:
//
//   <ir_version: 10, opset_import: ["" : 21]>
//   agraph (float[N, 4] x) => (float[N, 4] y)
//   <float[4] w = {1, 2, 3, 4}>
//   {
//     s = Add (x, w)
//     y = Softmax <axis = 1> (s)
//   }
//
// Nothing is checked here: a model that breaks the rules of ONNX is as good as any other.

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type FunctionProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
  type TypeProtoSchema,
  type ValueInfoProtoSchema,
} from '../../ir/generated/onnx-ml_pb.ts';

type Init<Schema extends Parameters<typeof create>[0]> = MessageInitShape<Schema>;

/** The bytes of an .onnx file. Throws if the text does not follow the syntax. */
export const onnxOf = (text: string): Uint8Array => {
  const model = new Parser(text).model();
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model));
};

const token = /\s*(?:#[^\n]*\n\s*)*("[^"]*"|=>|-?\d+(?:\.\d+)?(?:e-?\d+)?|[A-Za-z_][\w.]*|[<>[\](){}:,=]|$)/y;
const isName = (text: string): boolean => /^[A-Za-z_]/.test(text);

class Parser {
  readonly #text: string;
  #at = 0;
  #next = '';

  constructor(text: string) {
    this.#text = text;
    this.#advance();
  }

  model(): Init<typeof ModelProtoSchema> {
    const header = this.#next === '<' ? this.#header() : new Map([['ir_version', '10']]);
    const opsets = header.size === 1 && !header.has('domain') && !this.#text.trim().startsWith('<');
    const graph = this.#graph();
    const functions: Init<typeof FunctionProtoSchema>[] = [];
    while (this.#next === '<') functions.push(this.#function());
    if (this.#next !== '') throw this.#unexpected('the end');
    return {
      irVersion: BigInt((header.get('ir_version') as string | undefined) ?? '0'),
      opsetImport: opsets ? [{ domain: '', version: 21n }] : opsetsOf(header),
      graph,
      functions,
    };
  }

  #header(): Map<string, unknown> {
    const fields = new Map<string, unknown>();
    this.#list('<', '>', () => {
      const name = this.#take();
      this.#expect(':');
      fields.set(name, this.#next === '[' ? this.#pairs() : unquoted(this.#take()));
    });
    return fields;
  }

  /** `["key": value, …]`. */
  #pairs(): [string, string][] {
    const pairs: [string, string][] = [];
    this.#list('[', ']', () => {
      const key = unquoted(this.#take());
      this.#expect(':');
      pairs.push([key, unquoted(this.#take())]);
    });
    return pairs;
  }

  #graph(): Init<typeof GraphProtoSchema> {
    const name = isName(this.#next) ? this.#take() : '';
    const input = this.#values();
    this.#expect('=>');
    const output = this.#values();
    const initializer: Init<typeof TensorProtoSchema>[] = [];
    if (this.#next === '<') this.#list('<', '>', () => initializer.push(this.#initializer()));
    return { name, input, output, initializer, node: this.#nodes() };
  }

  #function(): Init<typeof FunctionProtoSchema> {
    const header = this.#header();
    const name = isName(this.#next) ? this.#take() : '';
    const attribute = this.#next === '<' ? this.#names('<', '>') : [];
    const input = this.#names('(', ')');
    this.#expect('=>');
    const output = this.#names('(', ')');
    const domain = (header.get('domain') as string | undefined) ?? '';
    return { domain, name, attribute, input, output, opsetImport: opsetsOf(header), node: this.#nodes() };
  }

  #values(): Init<typeof ValueInfoProtoSchema>[] {
    const values: Init<typeof ValueInfoProtoSchema>[] = [];
    this.#list('(', ')', () => {
      const first = this.#next;
      // A type is followed by a name; a name alone is a value without a type.
      const type = first in elementTypes || first === 'seq' ? this.#type() : undefined;
      values.push({ name: isName(this.#next) ? this.#take() : '', ...(type && { type }) });
    });
    return values;
  }

  #type(): Init<typeof TypeProtoSchema> {
    const word = this.#take();
    if (word === 'seq') {
      this.#expect('(');
      const elemType = this.#type();
      this.#expect(')');
      return { value: { case: 'sequenceType', value: { elemType } } };
    }
    const elemType = elementTypes[word];
    if (elemType === undefined) throw new Error(`no element type ${word}`);
    const dims = this.#next === '[' ? this.#names('[', ']') : undefined;
    // As in ONNX: `float` is a scalar, `float[]` has a shape that is not known.
    const shape = dims?.length === 0 ? {} : { shape: { dim: (dims ?? []).map(dimension) } };
    return { value: { case: 'tensorType', value: { elemType, ...shape } } };
  }

  #initializer(): Init<typeof TensorProtoSchema> {
    const word = this.#take();
    const dims = this.#next === '[' ? this.#names('[', ']').map(BigInt) : [];
    const name = isName(this.#next) ? this.#take() : '';
    this.#expect('=');
    const dataType = elementTypes[word]!;
    if (this.#next !== '[') return { name, dataType, dims, ...elements(word, this.#names('{', '}')) };
    const externalData = this.#pairs().map(([key, value]) => ({ key, value }));
    return { name, dataType, dims, externalData, dataLocation: TensorProto_DataLocation.EXTERNAL };
  }

  #nodes(): Init<typeof NodeProtoSchema>[] {
    const nodes: Init<typeof NodeProtoSchema>[] = [];
    this.#expect('{');
    while (this.#next !== '}') nodes.push(this.#node());
    this.#expect('}');
    return nodes;
  }

  #node(): Init<typeof NodeProtoSchema> {
    const output: string[] = [];
    while (this.#next !== '=') {
      output.push(unquoted(this.#take()));
      if ((this.#next as string) === ',') this.#advance();
    }
    this.#expect('=');
    const parts = this.#take().split('.');
    const opType = parts.pop()!;
    const attribute: Init<typeof AttributeProtoSchema>[] = [];
    if ((this.#next as string) === '<') this.#list('<', '>', () => attribute.push(this.#attribute()));
    const input = this.#names('(', ')');
    return { domain: parts.join('.'), opType, input, output, attribute };
  }

  #attribute(): Init<typeof AttributeProtoSchema> {
    const name = this.#take();
    this.#expect('=');
    if (this.#next === '[') return { name, ...listAttribute(this.#names('[', ']')) };
    if (isName(this.#next) || this.#next === '(')
      return { name, type: AttributeType.GRAPH, g: this.#graph() };
    return { name, ...attributeOf(this.#take()) };
  }

  #names(open: string, close: string): string[] {
    const names: string[] = [];
    this.#list(open, close, () => names.push(unquoted(this.#take())));
    return names;
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open);
    while (this.#next !== close) {
      item();
      if (this.#next === ',') this.#advance();
      else if (this.#next !== close) throw this.#unexpected(`, or ${close}`);
    }
    this.#expect(close);
  }

  #take(): string {
    const taken = this.#next;
    this.#advance();
    return taken;
  }

  #expect(text: string): void {
    if (this.#take() !== text) throw this.#unexpected(text);
  }

  #advance(): void {
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match === null) throw this.#unexpected('a token');
    this.#at = token.lastIndex;
    this.#next = match[1]!;
  }

  #unexpected(wanted: string): Error {
    return new Error(
      `expected ${wanted} before ${JSON.stringify(this.#text.slice(this.#at, this.#at + 30))}`,
    );
  }
}

const elementTypes: Readonly<Record<string, number>> = {
  float: DataType.FLOAT,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  int32: DataType.INT32,
  int64: DataType.INT64,
  string: DataType.STRING,
  bool: DataType.BOOL,
  float16: DataType.FLOAT16,
  double: DataType.DOUBLE,
};

const unquoted = (text: string): string => text.replace(/^"(.*)"$/, '$1');

const opsetsOf = (header: ReadonlyMap<string, unknown>) =>
  ((header.get('opset_import') as [string, string][] | undefined) ?? []).map(([domain, version]) => ({
    domain,
    version: BigInt(version),
  }));

const dimension = (text: string) =>
  /^\d/.test(text)
    ? { value: { case: 'dimValue' as const, value: BigInt(text) } }
    : { value: { case: 'dimParam' as const, value: text } };

function elements(type: string, texts: readonly string[]): Init<typeof TensorProtoSchema> {
  if (type === 'float') return { floatData: texts.map(Number) };
  if (type === 'double') return { doubleData: texts.map(Number) };
  if (type === 'int64') return { int64Data: texts.map(BigInt) };
  if (type === 'string') return { stringData: texts.map((text) => new TextEncoder().encode(text)) };
  return { int32Data: texts.map(Number) };
}

function attributeOf(text: string): Omit<Init<typeof AttributeProtoSchema>, '$typeName' | '$unknown'> {
  if (text.startsWith('"'))
    return { type: AttributeType.STRING, s: new TextEncoder().encode(unquoted(text)) };
  return /^-?\d+$/.test(text)
    ? { type: AttributeType.INT, i: BigInt(text) }
    : { type: AttributeType.FLOAT, f: Number(text) };
}

const listAttribute = (texts: readonly string[]) =>
  texts.every((text) => /^-?\d+$/.test(text))
    ? { type: AttributeType.INTS, ints: texts.map(BigInt) }
    : { type: AttributeType.FLOATS, floats: texts.map(Number) };
