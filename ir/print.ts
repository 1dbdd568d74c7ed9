// Canonical text of a model, for goldens, `--print-after` and reading. Close to ONNX's textual syntax.
//
//   ir_version 10, opset {"": 21}
//   main "mlp" (%x: float32[N, 784]) => (%y: float32[N, 10]) {
//     %w: float32[784, 10] = weight #5f1c03aa
//     %h: float32[N, 10] = MatMul(%x, %w)  # on phone
//     %y: float32[N, 10] = Softmax<axis=-1>(%h)  # on server, in head, at model.ts:7:12
//   }
//
// Ids do not show: models of the same structure and names have the same text, however they were made.

import { DiagnosticError } from './diagnostic.ts';
import {
  type Attribute,
  type Graph,
  type GraphId,
  type Model,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type ValueId,
  type Weight,
} from './graph.ts';
import { placeText, positionText } from './onnx/metadata.ts';
import { typeOf } from './onnx/types.ts';
import { readWeight, weightByteLength } from './onnx/weights.ts';
import { elementCount, formatType, type Tensor, tensorType, unpackStrings } from './types.ts';

/** The text of a model, ending with a line break. Reads small weights, and parts of large ones. */
export function printModel(model: Model): string {
  const printer = new Printer(model);
  printer.model();
  return `${printer.lines.join('\n')}\n`;
}

/** The text of one attribute's value, as in the text of the model. */
export const attributeText = (model: Model, attribute: Attribute): string =>
  new Printer(model).attributeValue(attribute, '');

const decoder = new TextDecoder();
/** Weights up to this many elements show their values. */
const SHOWN_ELEMENTS = 8;
/** Of larger contents the hash covers this much of each end, so that printing stays cheap. */
const HASHED_BYTES = 1 << 19;

class Printer {
  readonly lines: string[] = [];
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  model(): void {
    const { header, functions, mainGraph } = this.#model;
    this.lines.push(`ir_version ${header.irVersion}, opset ${opsets(header.opsets)}`);
    for (const fn of functions) this.#function(fn);
    this.lines.push(`main ${JSON.stringify(mainGraph.name)} ${this.#signature(mainGraph)} {`);
    this.#body(mainGraph, '  ');
    this.lines.push('}');
  }

  #function(fn: ModelFunction): void {
    const graph = this.#model.graph(fn.graph);
    const plain = fn.attributes.slice(0, fn.attributes.length - fn.defaults.length);
    const attributes = [...plain, ...fn.defaults.map((one) => this.#attribute(one, '  '))];
    const name = qualified(fn.domain, fn.name, fn.overload);
    const head = attributes.length === 0 ? name : `${name}<${attributes.join(', ')}>`;
    this.lines.push(`function ${head} opset ${opsets(fn.opsets)} ${this.#signature(graph)} {`);
    this.#body(graph, '  ');
    this.lines.push('}');
  }

  #signature(graph: Graph): string {
    const inputs = graph.inputs.map((id) => {
      const { place, private: secret, entropy } = this.#model.value(id);
      const where = place === undefined ? '' : ` on ${placeText(place, this.#plainName)}`;
      return `${this.#typed(id)}${where}${secret === true ? ' private' : ''}${entropy === true ? ' entropy' : ''}`;
    });
    return `(${inputs.join(', ')}) => (${graph.outputs.map((id) => this.#typed(id)).join(', ')})`;
  }

  #body(graph: Graph, indent: string): void {
    for (const id of graph.initializers) {
      const { weight } = this.#model.value(id);
      const content = weight === undefined ? 'sparse' : weightText(weight);
      this.lines.push(`${indent}${this.#typed(id)} = ${content}`);
    }
    for (const op of this.#model.opsOf(graph.id)) this.#op(op, indent);
  }

  #op(op: Op, indent: string): void {
    const outputs = op.outputs.map((id) => this.#typed(id)).join(', ');
    const name = qualified(op.domain, op.type, op.overload);
    const attributes = op.attributes.map((one) => this.#attribute(one, indent));
    const head = attributes.length === 0 ? name : `${name}<${attributes.join(', ')}>`;
    const inputs = op.inputs.map((id) => this.#name(id)).join(', ');
    const left = outputs === '' ? '' : `${outputs} = `;
    this.lines.push(`${indent}${left}${head}(${inputs})${this.#comment(op)}`);
  }

  #comment(op: Op): string {
    const notes: string[] = [];
    if (op.place !== undefined) notes.push(`on ${placeText(op.place, this.#plainName)}`);
    if (op.scope !== undefined) notes.push(`in ${op.scope}`);
    if (op.declassified !== undefined) notes.push(`declassified: ${JSON.stringify(op.declassified)}`);
    if (op.declassifiedGradient !== undefined)
      notes.push(`gradient declassified: ${JSON.stringify(op.declassifiedGradient)}`);
    if (op.recompute !== undefined) notes.push(`recomputed: ${op.recompute}`);
    if (op.at !== undefined) notes.push(`at ${positionText(op.at)}`);
    return notes.length === 0 ? '' : `  # ${notes.join(', ')}`;
  }

  #attribute(attribute: Attribute, indent: string): string {
    return `${attribute.name}=${this.attributeValue(attribute, indent)}`;
  }

  attributeValue(attribute: Attribute, indent: string): string {
    switch (attribute.kind) {
      case 'float':
        return floatText(attribute.value);
      case 'floats':
        return list(attribute.value.map(floatText));
      case 'int':
        return String(attribute.value);
      case 'ints':
        return list(attribute.value.map(String));
      case 'string':
        return bytesText(attribute.value);
      case 'strings':
        return list(attribute.value.map(bytesText));
      case 'tensor':
        return tensorText(attribute.value);
      case 'tensors':
        return list(attribute.value.map(tensorText));
      case 'graph':
        return this.#subgraph(attribute.value, indent);
      case 'graphs':
        return list(attribute.value.map((graph) => this.#subgraph(graph, indent)));
      case 'type':
        return formatType(typeOf(attribute.value));
      case 'types':
        return list(attribute.value.map((type) => formatType(typeOf(type))));
      case 'sparse':
        return `sparse[${attribute.value.dims.join(', ')}]`;
      case 'sparses':
        return list(attribute.value.map((sparse) => `sparse[${sparse.dims.join(', ')}]`));
      case 'reference':
        return `@${attribute.value}`;
      case 'undefined':
        return 'undefined';
    }
  }

  /** The text of a graph inside an op's line; its lines are indented below it. */
  #subgraph(id: GraphId, indent: string): string {
    const graph = this.#model.graph(id);
    const inner = new Printer(this.#model);
    inner.#body(graph, `${indent}    `);
    return [`graph ${this.#signature(graph)} {`, ...inner.lines, `${indent}  }`].join('\n');
  }

  readonly #plainName = (id: ValueId): string => this.#model.value(id).name;

  #name(id: ValueId): string {
    if (id === NO_VALUE) return '_';
    const { name } = this.#model.value(id);
    return /^[\w.:/-]+$/.test(name) ? `%${name}` : `%${JSON.stringify(name)}`;
  }

  #typed(id: ValueId): string {
    if (id === NO_VALUE) return '_';
    const { type } = this.#model.value(id);
    return type === undefined ? this.#name(id) : `${this.#name(id)}: ${formatType(type)}`;
  }
}

const list = (parts: readonly string[]): string => `[${parts.join(', ')}]`;

const qualified = (domain: string, type: string, overload: string): string =>
  (domain === '' ? type : `${domain}.${type}`) + (overload === '' ? '' : `:${overload}`);

const opsets = (versions: ReadonlyMap<string, number>): string =>
  `{${[...versions].map(([domain, version]) => `${JSON.stringify(domain)}: ${version}`).join(', ')}}`;

const bytesText = (bytes: Uint8Array): string => JSON.stringify(decoder.decode(bytes));

/** The shortest decimal that is this float32. */
function floatText(value: number): string {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return String(single);
  if (Object.is(single, -0)) return '-0';
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toPrecision(digits);
    if (Math.fround(Number(text)) === single) return String(Number(text));
  }
  return String(single);
}

const tensorText = (weight: Weight): string =>
  `${formatType(tensorType(weight.dtype, weight.dims))} ${weightText(weight)}`;

/** Values if there are few, otherwise a hash. */
export function weightText(weight: Weight): string {
  const count = elementCount(weight.dims)!;
  if (count <= SHOWN_ELEMENTS) {
    try {
      const texts = elementTexts(readWeight(weight));
      if (texts !== undefined) return `{${texts.join(', ')}}`;
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      return 'unreadable';
    }
  }
  return `weight #${hash(weight)}`;
}

/** undefined for element types without a plain decimal form. */
function elementTexts(tensor: Tensor): string[] | undefined {
  const count = elementCount(tensor.dims)!;
  const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  const each = (bytes: number, read: (at: number) => string): string[] =>
    Array.from({ length: count }, (_, index) => read(index * bytes));
  switch (tensor.dtype) {
    case 'float32':
      return each(4, (at) => floatText(view.getFloat32(at, true)));
    case 'float64':
      return each(8, (at) => String(view.getFloat64(at, true)));
    case 'int64':
      return each(8, (at) => String(view.getBigInt64(at, true)));
    case 'uint64':
      return each(8, (at) => String(view.getBigUint64(at, true)));
    case 'int32':
      return each(4, (at) => String(view.getInt32(at, true)));
    case 'uint32':
      return each(4, (at) => String(view.getUint32(at, true)));
    case 'int16':
      return each(2, (at) => String(view.getInt16(at, true)));
    case 'uint16':
      return each(2, (at) => String(view.getUint16(at, true)));
    case 'int8':
      return each(1, (at) => String(view.getInt8(at)));
    case 'uint8':
      return each(1, (at) => String(view.getUint8(at)));
    case 'bool':
      return each(1, (at) => String(view.getUint8(at) !== 0));
    case 'string':
      return unpackStrings(tensor.bytes, count).map((text) => JSON.stringify(text));
    default:
      return undefined;
  }
}

/** FNV-1a, 32 bits, over the content's bytes (its two ends if large) and its size. */
function hash(weight: Weight): string {
  const { range } = weight;
  const byteLength = weightByteLength(weight) ?? 0;
  let state = 0x811c9dc5 ^ byteLength;
  const add = (bytes: Uint8Array): void => {
    for (let index = 0; index < bytes.length; index++) state = Math.imul(state ^ bytes[index]!, 0x01000193);
  };
  if (range !== undefined && byteLength > 2 * HASHED_BYTES) {
    add(range.source.read(range.offset, HASHED_BYTES));
    add(range.source.read(range.offset + byteLength - HASHED_BYTES, HASHED_BYTES));
  } else if (range !== undefined) {
    add(range.source.read(range.offset, byteLength));
  } else {
    try {
      add(readWeight(weight).bytes);
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      return 'unreadable';
    }
  }
  return (state >>> 0).toString(16).padStart(8, '0');
}
