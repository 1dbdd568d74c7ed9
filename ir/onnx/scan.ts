// Reads the skeleton of a protobuf message without its weights.
//
//   file:  … TensorProto { dims, data_type, raw_data: 1.5 GB, name } …
//   slim:  … TensorProto { dims, data_type, CUT: 0,           name } …      ranges[0] = where the 1.5 GB are
//
// The scanner walks the wire format in windows, checks everything a decoder will rely on (lengths, wire types,
// nesting, UTF-8), so that an error has a byte offset, and copies all but large tensor contents. A cut content
// leaves a field CUT, of a number no schema uses, that names its range; `takeCut` finds it after decoding.

import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { ByteRange, ByteSource } from '../graph.ts';
import { LimitError } from '../limit.ts';
import { modelLimits } from './limits.ts';
import { FormatError, WindowReader } from './source.ts';

/** Field of TensorProto whose bytes a cut range replaces: exactly the elements in little-endian order. */
export type CutField = 'raw_data' | 'float_data' | 'double_data';

export interface Cut {
  readonly field: CutField;
  readonly range: ByteRange;
}

export interface Skeleton {
  /** A valid encoding of the message, without the cut contents. */
  readonly bytes: Uint8Array;
  readonly cuts: readonly Cut[];
  /** Where each NodeProto begins, in file order, by the field of the whole message that it is in. */
  readonly nodes: ReadonlyMap<number, readonly number[]>;
}

/** The file itself uses the number of CUT: it must be read uncut. */
export class CutConflict extends Error {}

/** Largest field number that protobuf allows. */
export const CUT_FIELD = 536_870_911;
/** Contents up to this size stay: a range costs more than they do. */
const KEPT_BYTES = 64;
/** Room for the length of a message that is not known before it is copied: up to 32 GiB. */
const LENGTH_PLACE_BYTES = 5;

interface FieldRule {
  readonly wire: WireType;
  readonly message?: MessageRule;
  readonly text: boolean;
  /** Wire type of the elements, where a list may be packed. */
  readonly packed?: WireType;
  readonly cut?: CutField;
}
interface MessageRule {
  readonly name: string;
  readonly fields: Map<number, FieldRule>;
  /** Whether contents can be cut somewhere inside, so that its length changes. */
  cuts: boolean;
}

const cutFields: Record<string, CutField> = {
  raw_data: 'raw_data',
  float_data: 'float_data',
  double_data: 'double_data',
};
// Tensors in these stay whole: their messages are kept as they are, not turned into weights.
const uncutMessages = new Set(['onnx.SparseTensorProto', 'onnx.TrainingInfoProto']);

const wireTypeOf = (scalar: ScalarType): WireType => {
  switch (scalar) {
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
};

/** Rules by message and whether cutting is allowed there; made once per schema and shared. */
const ruleTables = { cut: new Map<string, MessageRule>(), whole: new Map<string, MessageRule>() };

function ruleOf(schema: DescMessage, mayCut: boolean): MessageRule {
  const cutting = mayCut && !uncutMessages.has(schema.typeName);
  const table = cutting ? ruleTables.cut : ruleTables.whole;
  const known = table.get(schema.typeName);
  if (known !== undefined) return known;
  const rule: MessageRule = { name: schema.name, fields: new Map(), cuts: false };
  table.set(schema.typeName, rule);
  const isTensor = schema.typeName === 'onnx.TensorProto';
  for (const field of schema.fields) rule.fields.set(field.number, fieldRule(field, cutting, isTensor));
  rule.cuts = cutting && reachesTensor(schema, new Set());
  return rule;
}

function fieldRule(field: DescField, cutting: boolean, isTensor: boolean): FieldRule {
  const message = field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined;
  if (message !== undefined)
    return { wire: WireType.LengthDelimited, message: ruleOf(message, cutting), text: false };
  const scalar = 'scalar' in field ? field.scalar : undefined;
  const wire = scalar === undefined ? WireType.Varint : wireTypeOf(scalar);
  const cut = isTensor && cutting ? cutFields[field.name] : undefined;
  const packed = field.fieldKind === 'list' && wire !== WireType.LengthDelimited ? wire : undefined;
  return {
    wire,
    text: scalar === ScalarType.STRING,
    ...(packed === undefined ? {} : { packed }),
    ...(cut === undefined ? {} : { cut }),
  };
}

function reachesTensor(schema: DescMessage, seen: Set<string>): boolean {
  if (schema.typeName === 'onnx.TensorProto') return true;
  if (seen.has(schema.typeName) || uncutMessages.has(schema.typeName)) return false;
  seen.add(schema.typeName);
  return schema.fields.some((field) => field.message !== undefined && reachesTensor(field.message, seen));
}

/**
 * Scans a whole source as one message of `schema`. Throws {@link FormatError} with the byte offset of the
 * first defect, {@link LimitError}, {@link CutConflict} if `cut` is not possible. Reads no cut content.
 */
export function scan(schema: DescMessage, source: ByteSource, options: { cut: boolean }): Skeleton {
  const scanner = new Scanner(source);
  scanner.message(ruleOf(schema, options.cut), source.byteLength, 1);
  return { bytes: scanner.out.finish(), cuts: scanner.cuts, nodes: scanner.nodes };
}

class Scanner {
  readonly cuts: Cut[] = [];
  readonly nodes = new Map<number, number[]>();
  readonly out = new GrowingBytes();
  readonly #source: ByteSource;
  readonly #reader: WindowReader;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });
  #messages = 0;
  #numbers = 0;
  #outermost = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#reader = new WindowReader(source);
  }

  message(rule: MessageRule, end: number, depth: number): void {
    const reader = this.#reader;
    if (depth > modelLimits.nesting)
      throw new LimitError('levels of nested messages', modelLimits.nesting, reader.pos);
    this.#countMessage(reader.pos);
    if (rule.name === 'NodeProto') this.#noteNode(reader.pos);
    while (reader.pos < end) {
      const start = reader.pos;
      const tag = reader.varint();
      const number = Math.floor(tag / 8);
      const wire = tag % 8;
      if (number === 0 || number > CUT_FIELD) throw new FormatError(`there is no field ${number}`, start);
      if (number === CUT_FIELD && rule.cuts) throw new CutConflict();
      if (depth === 1) this.#outermost = number;
      const field = rule.fields.get(number);
      if (field === undefined) this.#copyUnknown(start, number, wire, end, depth);
      else this.#field(rule, field, start, number, wire, end, depth);
      if (reader.pos > end) throw new FormatError(`a field of ${rule.name} passes its end`, start);
    }
  }

  #field(
    rule: MessageRule,
    field: FieldRule,
    start: number,
    number: number,
    wire: number,
    end: number,
    depth: number,
  ): void {
    const reader = this.#reader;
    const packed = wire === WireType.LengthDelimited && field.packed !== undefined;
    if (wire !== field.wire && !packed)
      throw new FormatError(`field ${number} of ${rule.name} has wire type ${wire}`, start);
    if (wire !== WireType.LengthDelimited) {
      this.#copyScalar(start, wire, end);
      return;
    }
    const length = this.#length(rule, start, end);
    const contentEnd = reader.pos + length;
    if (field.message?.cuts === true) {
      this.out.varint(number * 8 + wire);
      const place = this.out.reserve(LENGTH_PLACE_BYTES);
      this.message(field.message, contentEnd, depth + 1);
      this.out.fillVarint(place, LENGTH_PLACE_BYTES);
    } else if (field.message !== undefined) {
      this.#copy(start, reader.pos);
      this.message(field.message, contentEnd, depth + 1);
    } else if (field.cut !== undefined && length > KEPT_BYTES) {
      if (packed) checkPacked(field.packed!, length, start);
      this.out.varint(CUT_FIELD * 8 + WireType.Varint);
      this.out.varint(this.cuts.length);
      const range = { source: this.#source, offset: reader.pos, byteLength: length };
      this.cuts.push({ field: field.cut, range });
      reader.pos = contentEnd;
    } else {
      if (packed) this.#checkPackedVarints(field.packed!, contentEnd, length, start);
      else this.#countMessage(start);
      if (field.text) this.#checkText(length);
      this.#copy(start, contentEnd);
    }
  }

  #length(rule: MessageRule, start: number, end: number): number {
    const length = this.#reader.varint();
    if (length > end - this.#reader.pos)
      throw new FormatError(
        `a field of ${rule.name} claims ${length} bytes where ${Math.max(0, end - this.#reader.pos)} are left`,
        start,
      );
    return length;
  }

  #noteNode(at: number): void {
    const list = this.nodes.get(this.#outermost);
    if (list === undefined) this.nodes.set(this.#outermost, [at]);
    else list.push(at);
  }

  #countMessage(at: number): void {
    if (++this.#messages > modelLimits.messages)
      throw new LimitError('messages and texts', modelLimits.messages, at);
  }

  #countNumbers(count: number, at: number): void {
    this.#numbers += count;
    if (this.#numbers > modelLimits.numbers) throw new LimitError('numbers', modelLimits.numbers, at);
  }

  #copyScalar(start: number, wire: number, end: number): void {
    const reader = this.#reader;
    this.#countNumbers(1, start);
    if (wire === WireType.Varint) reader.skipVarint();
    else reader.pos += wire === WireType.Bit32 ? 4 : 8;
    if (reader.pos > end) throw new FormatError('the file ends inside a number', start);
    this.#copy(start, reader.pos);
  }

  #copyUnknown(start: number, number: number, wire: number, end: number, depth: number): void {
    const reader = this.#reader;
    switch (wire) {
      case WireType.Varint:
      case WireType.Bit32:
      case WireType.Bit64:
        this.#copyScalar(start, wire, end);
        return;
      case WireType.LengthDelimited: {
        const length = this.#length(
          { name: 'an unknown message', fields: new Map(), cuts: false },
          start,
          end,
        );
        this.#countMessage(start);
        this.#copy(start, reader.pos + length);
        return;
      }
      case WireType.StartGroup:
        this.#copy(start, reader.pos);
        this.#copyGroup(start, number, end, depth + 1);
        return;
      default:
        throw new FormatError(`field ${number} has wire type ${wire}`, start);
    }
  }

  #copyGroup(start: number, group: number, end: number, depth: number): void {
    const reader = this.#reader;
    if (depth > modelLimits.nesting)
      throw new LimitError('levels of nested messages', modelLimits.nesting, start);
    while (reader.pos < end) {
      const at = reader.pos;
      const tag = reader.varint();
      const number = Math.floor(tag / 8);
      if (tag % 8 === WireType.EndGroup) {
        if (number !== group) throw new FormatError(`group ${group} ends as group ${number}`, at);
        this.#copy(at, reader.pos);
        return;
      }
      if (number === 0 || number > CUT_FIELD) throw new FormatError(`there is no field ${number}`, at);
      this.#copyUnknown(at, number, tag % 8, end, depth);
    }
    throw new FormatError(`group ${group} has no end`, start);
  }

  #checkPackedVarints(element: WireType, end: number, length: number, start: number): void {
    if (element !== WireType.Varint) {
      checkPacked(element, length, start);
      this.#countNumbers(length / (element === WireType.Bit32 ? 4 : 8), start);
      return;
    }
    const reader = this.#reader;
    const begin = reader.pos;
    let count = 0;
    for (; reader.pos < end; count++) reader.skipVarint();
    this.#countNumbers(count, start);
    if (reader.pos > end) throw new FormatError('a packed list ends inside a number', start);
    reader.pos = begin;
  }

  #checkText(length: number): void {
    if (this.#reader.isAscii(length)) return;
    try {
      this.#utf8.decode(this.#reader.peek(length));
    } catch {
      throw new FormatError('a text is not UTF-8', this.#reader.pos);
    }
  }

  /** Copies [from, to) of the source, leaving the reader at `to`. */
  #copy(from: number, to: number): void {
    const reader = this.#reader;
    reader.pos = from;
    while (reader.pos < to) {
      const count = Math.min(to - reader.pos, 1 << 20);
      this.out.take(reader, count);
    }
  }
}

function checkPacked(element: WireType, length: number, start: number): void {
  const size = element === WireType.Bit32 ? 4 : 8;
  if (length % size !== 0)
    throw new FormatError(`a packed list of ${size}-byte numbers has ${length} bytes`, start);
}

/** Bytes appended to, in a buffer that doubles. */
class GrowingBytes {
  #buffer = new Uint8Array(1 << 12);
  #length = 0;

  take(reader: WindowReader, count: number): void {
    const at = this.reserve(count);
    reader.take(count, this.#buffer, at);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    const at = this.reserve(1);
    this.#buffer[at] = value;
  }

  /** Place for `count` bytes; returns where. */
  reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    return at;
  }

  /** Writes into a reserved place how many bytes follow it, as a varint padded to the place's size. */
  fillVarint(place: number, size: number): void {
    let rest = this.#length - place - size;
    for (let index = 0; index < size; index++) {
      this.#buffer[place + index] = (rest % 128) | (index < size - 1 ? 0x80 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}
