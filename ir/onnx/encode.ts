// Encodes protobuf messages into pieces: what is small is written into buffers, what is large (weights) is
// only referred to. Written back to front, so that a message's length is known when its prefix is due and
// one walk is enough, whatever the nesting.

import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { ByteRange } from '../graph.ts';
import type { CutField } from './scan.ts';
import { readRange } from './source.ts';

export type Piece = Uint8Array | ByteRange;

/** On a TensorProto draft: the content of one of its fields, which stays where it is. */
export const CONTENT: unique symbol = Symbol('content');
export interface Content {
  readonly field: CutField;
  readonly bytes: Piece;
}

/** Fields of a message to encode, absent ones left out. Nested messages may be drafts too. */
export type Draft<M> = { readonly [Field in keyof M]?: unknown } & { readonly [CONTENT]?: Content };

type Fields = Record<string, unknown> & {
  readonly $unknown?: readonly { no: number; wireType: number; data: Uint8Array }[];
  readonly [CONTENT]?: Content;
};
type FieldWriter = (writer: PieceWriter, message: Fields) => void;

/** Bytes fields from this size on become pieces of their own instead of being copied. */
const OWN_PIECE_BYTES = 1 << 14;

/** Encodes `message`; fields absent from it (or undefined) are not written, unknown fields are. */
export function encode(schema: DescMessage, message: object): Piece[] {
  const writer = new PieceWriter();
  writeMessage(writer, schema, message as Fields);
  return writer.finish();
}

/** `encode`, joined: ranges are read. For what is small. */
export function encodeBytes(schema: DescMessage, message: object): Uint8Array {
  const pieces = encode(schema, message);
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece instanceof Uint8Array ? piece : readRange(piece), at);
    at += piece.byteLength;
  }
  return joined;
}

/** Field writers of each schema, in falling order of field numbers. */
const writers = new WeakMap<DescMessage, FieldWriter[]>();

function writersOf(schema: DescMessage): FieldWriter[] {
  let list = writers.get(schema);
  if (list === undefined) {
    list = [];
    writers.set(schema, list);
    for (const field of [...schema.fields].sort((a, b) => b.number - a.number)) list.push(fieldWriter(field));
  }
  return list;
}

function writeMessage(writer: PieceWriter, schema: DescMessage, message: Fields): void {
  const unknown = message.$unknown;
  for (let index = (unknown?.length ?? 0) - 1; index >= 0; index--) {
    const field = unknown![index]!;
    writer.bytes(field.data);
    writer.varint(field.no * 8 + field.wireType);
  }
  for (const write of writersOf(schema)) write(writer, message);
}

function fieldWriter(field: DescField): FieldWriter {
  if (field.fieldKind === 'list') return listWriter(field);
  const write = singleWriter(field);
  const { localName, oneof } = field;
  if (oneof !== undefined) {
    return (writer, message) => {
      const chosen = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
      if (chosen?.case === localName) write(writer, chosen.value);
    };
  }
  const content = contentWriter(field);
  return (writer, message) => {
    content?.(writer, message);
    // Messages inherit their fields' defaults: only own fields are present.
    if (Object.hasOwn(message, localName) && message[localName] !== undefined)
      write(writer, message[localName]);
  };
}

function listWriter(field: DescField & { fieldKind: 'list' }): FieldWriter {
  const write = singleWriter(field);
  const content = contentWriter(field);
  const { localName } = field;
  const packed = field.packed;
  const element = packed ? elementWriter(field) : undefined;
  return (writer, message) => {
    content?.(writer, message);
    const list = message[localName] as readonly unknown[] | undefined;
    if (list === undefined || list.length === 0) return;
    if (element === undefined) {
      for (let index = list.length - 1; index >= 0; index--) write(writer, list[index]);
      return;
    }
    const end = writer.length;
    for (let index = list.length - 1; index >= 0; index--) element(writer, list[index]);
    writer.varint(writer.length - end);
    writer.varint(field.number * 8 + WireType.LengthDelimited);
  };
}

/** Writes the content that lies elsewhere, if this is its field. */
function contentWriter(field: DescField): FieldWriter | undefined {
  if (field.parent.typeName !== 'onnx.TensorProto') return undefined;
  return (writer, message) => {
    const content = message[CONTENT];
    if (content === undefined || content.field !== field.name) return;
    const end = writer.length;
    writer.piece(content.bytes);
    writer.varint(writer.length - end);
    writer.varint(field.number * 8 + WireType.LengthDelimited);
  };
}

function singleWriter(field: DescField): (writer: PieceWriter, value: unknown) => void {
  const { message } = field;
  const tag = (wire: WireType): number => field.number * 8 + wire;
  if (message !== undefined) {
    return (writer, value) => {
      const end = writer.length;
      writeMessage(writer, message, value as Fields);
      writer.varint(writer.length - end);
      writer.varint(tag(WireType.LengthDelimited));
    };
  }
  const scalar = 'scalar' in field ? field.scalar : undefined;
  const element = elementWriter(field);
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return (writer, value) => {
        const end = writer.length;
        element(writer, value);
        writer.varint(writer.length - end);
        writer.varint(tag(WireType.LengthDelimited));
      };
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE: {
      const wire = scalar === ScalarType.FLOAT ? WireType.Bit32 : WireType.Bit64;
      return (writer, value) => {
        element(writer, value);
        writer.varint(tag(wire));
      };
    }
    default:
      return (writer, value) => {
        element(writer, value);
        writer.varint(tag(WireType.Varint));
      };
  }
}

/** A value without tag and length. ONNX uses these types only. */
function elementWriter(field: DescField): (writer: PieceWriter, value: unknown) => void {
  const scalar = 'scalar' in field ? field.scalar : undefined;
  switch (scalar) {
    case ScalarType.STRING:
      return (writer, value) => writer.text(value as string);
    case ScalarType.BYTES:
      return (writer, value) => writer.piece(value as Uint8Array);
    case ScalarType.FLOAT:
      return (writer, value) => writer.float(value as number);
    case ScalarType.DOUBLE:
      return (writer, value) => writer.double(value as number);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return (writer, value) => writer.varint64(value as bigint);
    case ScalarType.BOOL:
      return (writer, value) => writer.varint(value === true ? 1 : 0);
    default: // int32, uint32 and enums
      return (writer, value) => {
        const number = value as number;
        if (number >= 0) writer.varint(number);
        else writer.varint64(BigInt(number));
      };
  }
}

const textEncoder = new TextEncoder();

/** Fills buffers from their ends; whole pieces go between them. */
class PieceWriter {
  /** Bytes written so far, pieces included. */
  length = 0;
  readonly #pieces: Piece[] = [];
  #size = 1 << 12;
  #buffer = new Uint8Array(this.#size);
  #view = new DataView(this.#buffer.buffer);
  /** First used byte of the buffer. */
  #at = this.#buffer.length;

  finish(): Piece[] {
    this.#flush();
    return this.#pieces.reverse();
  }

  /** Appends in front; large ones by reference. */
  piece(piece: Piece): void {
    if (piece instanceof Uint8Array && piece.length < OWN_PIECE_BYTES) {
      this.bytes(piece);
      return;
    }
    this.#flush();
    this.#pieces.push(piece);
    this.length += piece.byteLength;
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
    let at = this.#room(size);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#buffer[at++] = (rest % 128) | 0x80;
    this.#buffer[at] = rest;
  }

  /** Negative numbers as two's complement, ten bytes. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) {
      this.varint(Number(value));
      return;
    }
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  text(text: string): void {
    const { length } = text;
    // Names are short and nearly always ASCII, where this is several times faster than an encoder call.
    if (length < 64) {
      const at = this.#room(length);
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code >= 0x80) break;
        this.#buffer[at + index] = code;
      }
      if (index === length) return;
      this.#at += length;
      this.length -= length;
    }
    this.bytes(textEncoder.encode(text));
  }

  /** Makes room in front of what is written; returns its offset. */
  #room(count: number): number {
    if (count > this.#at) {
      this.#flush();
      this.#size = Math.min(2 * this.#size, 1 << 20);
      const size = Math.max(count, this.#size);
      this.#buffer = new Uint8Array(size);
      this.#view = new DataView(this.#buffer.buffer);
      this.#at = size;
    }
    this.#at -= count;
    this.length += count;
    return this.#at;
  }

  #flush(): void {
    if (this.#at === this.#buffer.length) return;
    this.#pieces.push(this.#buffer.subarray(this.#at));
    // The rest of the buffer stays usable: what is in front of the piece is free.
    this.#buffer = this.#buffer.subarray(0, this.#at);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length);
  }
}
