// A small protobuf codec over tables. A node reads a fraction of ONNX and one envelope, in places where the
// full protobuf runtime would be most of its size and most of a hop's time; tests hold both to the generated
// messages.
//
// Integers are numbers: what is beyond 2^53 is an error, but for fields declared int64 or fixed64 (bigint).

import { utf8Decoder, utf8Encoder } from '../../ir/utf8.ts';
import { Growing } from '../growing.ts';

type Kind = 'uint' | 'int64' | 'fixed64' | 'bool' | 'string' | 'bytes' | 'float' | 'double' | 'message';

/** One field; `T` is the type of its value in a decoded message. */
export interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated: boolean;
  /** Has presence: absent is undefined, not the default. */
  readonly optional: boolean;
  readonly table?: Table<unknown>;
  /** Only for the type. */
  readonly type?: T;
}

export interface Table<M> {
  readonly fields: readonly (Field<unknown> & { readonly name: string })[];
  /** Indexed by field number. */
  readonly byNumber: readonly ((Field<unknown> & { readonly name: string }) | undefined)[];
  /** Every field with its default, to be cloned: the cheapest way to objects of one shape. */
  readonly initial: Readonly<Record<string, unknown>>;
  /** Only for the type. */
  readonly type?: M;
}

/** The value of every empty list; never written to. */
const emptyList: readonly unknown[] = [];
const emptyBytes = new Uint8Array(0);
const initials: Readonly<Record<Kind, unknown>> = {
  uint: 0,
  int64: 0n,
  fixed64: 0n,
  bool: false,
  string: '',
  bytes: emptyBytes,
  float: 0,
  double: 0,
  message: undefined,
};

type MessageOf<Fields> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer T> ? T : never;
};
export type Message<T> = T extends Table<infer M> ? M : never;
/** A message with fields left out that have their default. */
export type MessageInit<M> = {
  readonly [Name in keyof M]?: M[Name] extends readonly (infer Item)[]
    ? readonly (Item extends object ? (Item extends Uint8Array ? Item : MessageInit<Item>) : Item)[]
    : M[Name] extends Uint8Array | undefined
      ? M[Name]
      : M[Name] extends object | undefined
        ? MessageInit<NonNullable<M[Name]>> | undefined
        : M[Name];
};

const scalar =
  <T>(kind: Kind) =>
  (number: number): Field<T> => ({ number, kind, repeated: false, optional: false });

export const uint = scalar<number>('uint');
export const int64 = scalar<bigint>('int64');
export const fixed64 = scalar<bigint>('fixed64');
export const bool = scalar<boolean>('bool');
export const string = scalar<string>('string');
export const bytes = scalar<Uint8Array>('bytes');
export const float = scalar<number>('float');
export const double = scalar<number>('double');
export const message = <M>(number: number, table: Table<M>): Field<M | undefined> => ({
  number,
  kind: 'message',
  repeated: false,
  optional: true,
  table,
});
export const optional = <T>(field: Field<T>): Field<T | undefined> => ({ ...field, optional: true });
export const list = <T>(field: Field<T>): Field<NonNullable<T>[]> => ({
  ...(field as Field<never>),
  repeated: true,
  optional: false,
});

export function table<Fields extends Readonly<Record<string, Field<unknown>>>>(
  fields: Fields,
): Table<MessageOf<Fields>> {
  const named = Object.entries(fields).map(([name, field]) => ({ ...field, name }));
  const byNumber: (typeof named)[number][] = [];
  for (const field of named) byNumber[field.number] = field;
  const initial: Record<string, unknown> = {};
  for (const { name, kind, repeated, optional: absent } of named)
    initial[name] = repeated ? emptyList : absent ? undefined : initials[kind];
  return { fields: named, byNumber, initial };
}

/** A table with fields of its own kind. */
export function recursiveTable<M>(
  fields: (self: Table<M>) => { readonly [Name in keyof M]: Field<M[Name]> },
): Table<M> {
  const self = { fields: [], byNumber: [], initial: {} } as Table<M>;
  return Object.assign(self, table(fields(self)));
}

// --- decoding ------------------------------------------------------------------------------------------

/** Nested deeper, bytes are an attack and not a message. */
const DEPTH_LIMIT = 100;

/** More messages in a message than its reader takes. */
export class TooManyMessages extends RangeError {}

/**
 * The message in `data`; bytes fields are views. Unknown fields are passed over. Throws RangeError where the
 * bytes are no such message, {@link TooManyMessages} where it holds more than `maxMessages`: an empty one takes
 * two bytes there and a hundred here.
 */
export function decode<M>(from: Table<M>, data: Uint8Array, maxMessages = Number.POSITIVE_INFINITY): M {
  return new Reader(data, maxMessages).message(from, 0, data.length, 0) as M;
}

class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #messagesLeft: number;

  constructor(data: Uint8Array, maxMessages: number) {
    this.#data = data;
    this.#messagesLeft = maxMessages;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  message(from: Table<unknown>, start: number, end: number, depth: number): Record<string, unknown> {
    if (depth > DEPTH_LIMIT) throw new RangeError('nested too deep');
    if (--this.#messagesLeft < 0) throw new TooManyMessages('too many messages in a message');
    const result: Record<string, unknown> = { ...from.initial };
    this.#at = start;
    while (this.#at < end) {
      const tag = this.#uint();
      const field = from.byNumber[Math.floor(tag / 8)];
      const wireType = tag % 8;
      if (tag < 8) throw new RangeError('field number 0');
      if (field === undefined) this.#skip(wireType);
      else if (!field.repeated) result[field.name] = this.#value(field, wireType, end, depth);
      else {
        if (result[field.name] === emptyList) result[field.name] = [];
        this.#item(result[field.name] as unknown[], field, wireType, end, depth);
      }
      if (this.#at > end) throw new RangeError('a field ends beyond its message');
    }
    return result;
  }

  #item(items: unknown[], field: Field<unknown>, wireType: number, end: number, depth: number): void {
    if (wireType !== 2 || wireTypes[field.kind] === 2) {
      items.push(this.#value(field, wireType, end, depth));
      return;
    }
    const last = this.#length(end) + this.#at;
    while (this.#at < last) items.push(this.#value(field, wireTypes[field.kind], last, depth));
  }

  #value(field: Field<unknown>, wireType: number, end: number, depth: number): unknown {
    if (wireType !== wireTypes[field.kind]) throw new RangeError('a field of another wire type');
    switch (field.kind) {
      case 'uint':
        return this.#uint();
      case 'int64':
        return this.#int64();
      case 'bool':
        return this.#int64() !== 0n;
      case 'fixed64':
        return this.#view.getBigUint64(this.#advance(8), true);
      case 'float':
        return this.#view.getFloat32(this.#advance(4), true);
      case 'double':
        return this.#view.getFloat64(this.#advance(8), true);
      case 'string':
        return this.#string(end);
      case 'bytes':
        return this.#bytes(end);
      case 'message': {
        const length = this.#length(end);
        const after = this.#at + length;
        const inner = this.message(field.table!, this.#at, after, depth + 1);
        this.#at = after;
        return inner;
      }
    }
  }

  #advance(count: number): number {
    const at = this.#at;
    if (at + count > this.#data.length) throw new RangeError('cut off');
    this.#at += count;
    return at;
  }

  #length(end: number): number {
    const length = this.#uint();
    if (this.#at + length > end) throw new RangeError('a field ends beyond its message');
    return length;
  }

  #bytes(end: number): Uint8Array {
    const length = this.#length(end);
    return this.#data.subarray(this.#at, this.#advance(length) + length);
  }

  #string(end: number): string {
    const length = this.#length(end);
    const start = this.#advance(length);
    // Short and plain, as names are: without a detour through the decoder.
    if (length < 32) {
      let text = '';
      for (let at = start; at < start + length; at++) {
        const code = this.#data[at]!;
        if (code > 127) break;
        text += String.fromCharCode(code);
      }
      if (text.length === length) return text;
    }
    return utf8Decoder.decode(this.#data.subarray(start, start + length));
  }

  #uint(): number {
    const first = this.#data[this.#at];
    if (first !== undefined && first < 128) {
      this.#at++;
      return first;
    }
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#data[this.#advance(1)]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new RangeError('an integer beyond 2^53');
  }

  #int64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#data[this.#advance(1)]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new RangeError('an integer beyond 64 bits');
  }

  #skip(wireType: number): void {
    if (wireType === 0) this.#int64();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 2) this.#advance(this.#uint());
    else if (wireType === 5) this.#advance(4);
    else throw new RangeError(`wire type ${wireType}`);
  }
}

const wireTypes: Readonly<Record<Kind, number>> = {
  uint: 0,
  int64: 0,
  bool: 0,
  fixed64: 1,
  double: 1,
  string: 2,
  bytes: 2,
  message: 2,
  float: 5,
};

// --- encoding ------------------------------------------------------------------------------------------

/** The bytes of a message; fields in the table's order, defaults left out. Throws RangeError below 0 or beyond 2^53. */
export function encode<M>(as: Table<M>, value: MessageInit<M>): Uint8Array {
  writer.at = 0;
  writer.message(as, value as Record<string, unknown>);
  const bytes = writer.data.slice(0, writer.at);
  if (writer.data.length > KEPT_BYTES) writer = new Writer();
  return bytes;
}

class Writer extends Growing {
  message(as: Table<unknown>, value: Record<string, unknown>): void {
    for (const field of as.fields) {
      const one = value[field.name];
      if (one === undefined) continue;
      if (field.repeated) this.#items(field, one as readonly unknown[]);
      else if (field.optional || !isInitial(field.kind, one)) this.#field(field, one);
    }
  }

  #items(field: Field<unknown>, items: readonly unknown[]): void {
    if (wireTypes[field.kind] === 2) {
      for (const item of items) this.#field(field, item);
    } else if (items.length > 0) {
      this.#tag(field.number, 2);
      const at = this.room(1);
      for (const item of items) this.#value(field, item);
      this.#size(at);
    }
  }

  #field(field: Field<unknown>, value: unknown): void {
    this.#tag(field.number, wireTypes[field.kind]);
    this.#value(field, value);
  }

  #tag(number: number, wireType: number): void {
    this.#uint(number * 8 + wireType);
  }

  #value(field: Field<unknown>, value: unknown): void {
    switch (field.kind) {
      case 'uint':
        return this.#uint(value as number);
      case 'bool':
        return this.#uint(value === true ? 1 : 0);
      case 'int64':
        return this.#int64(value as bigint);
      case 'fixed64':
        return this.view(8).setBigUint64(0, value as bigint, true);
      case 'float':
        return this.view(4).setFloat32(0, value as number, true);
      case 'double':
        return this.view(8).setFloat64(0, value as number, true);
      case 'string':
        return this.#string(value as string);
      case 'bytes': {
        const data = value as Uint8Array;
        this.#uint(data.length);
        return this.put(data);
      }
      case 'message': {
        const at = this.room(1);
        this.message(field.table!, value as Record<string, unknown>);
        return this.#size(at);
      }
    }
  }

  #string(text: string): void {
    // Short and plain, as names are: without a detour through the encoder.
    const short = text.length < 128;
    let at = this.room(text.length + 1);
    const start = at;
    if (short) {
      this.data[at++] = text.length;
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code > 127) break;
        this.data[at++] = code;
      }
      if (at === start + 1 + text.length) return;
    }
    this.at = start;
    const data = utf8Encoder.encode(text);
    this.#uint(data.length);
    this.put(data);
  }

  /** Puts the length of what was written since into the byte at `at`, or more if it needs more. */
  #size(at: number): void {
    const length = this.at - at - 1;
    if (length < 128) {
      this.data[at] = length;
      return;
    }
    let extra = 0;
    for (let rest = length; rest >= 128; rest /= 128) extra++;
    this.room(extra);
    this.data.copyWithin(at + 1 + extra, at + 1, at + 1 + length);
    const end = this.at;
    this.at = at;
    this.#uint(length);
    this.at = end;
  }

  #uint(value: number): void {
    if (value >= 0 && value < 128 && this.at < this.data.length && Number.isInteger(value)) {
      this.data[this.at++] = value;
      return;
    }
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} in a field without sign`);
    let rest = value;
    while (rest >= 128) {
      const at = this.room(1);
      this.data[at] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    const at = this.room(1);
    this.data[at] = rest;
  }

  #int64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 128n; rest >>= 7n) {
      const at = this.room(1);
      this.data[at] = Number(rest & 0x7fn) | 0x80;
    }
    const at = this.room(1);
    this.data[at] = Number(rest);
  }
}

/** A larger buffer is not kept for the next message. */
const KEPT_BYTES = 2 ** 20;

// One for all messages: encoding never gives way to other code, and fresh memory for each costs more than all else.
let writer = new Writer();

const isInitial = (kind: Kind, value: unknown): boolean =>
  value === initials[kind] || (value instanceof Uint8Array && value.length === 0);
