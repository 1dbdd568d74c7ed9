// Values of JavaScript as bytes: what inputs, outputs and snapshots are made of, in a form that explains itself, so
// that a field more or less makes no other format.
//
// One value is a head and what follows it. The head is a byte, kind times 16 plus a number n; from 15 on, n is a
// varint after it.
//
//    0 constants   n: undefined, null, false, true, a float64 after it, a bigint as text after it
//    1 n           2 -1 - n
//    3 text of n UTF-8 bytes, which from here on is word number words.length, and so on
//    4 word n      5 text of n UTF-16 code units, where UTF-8 would lose some
//    6 list of n   7 object of n fields: a text and a value each
//    8 n bytes that have a buffer of their own
//    9 bytes n of a buffer that has others too: its number, its size if it is new, where they begin, the bytes
//   10 a buffer: its number, and its size if it is new; n is 0
//   11 map of n    12 set of n    13 uint32 array of n
//   14 the n-th object that was written or that both sides know; only where identity is kept
//   15 object of the n-th class that both sides know: the number of its fields, then a text and a value each
//
// Views of one buffer stay views of one buffer.

import { Growing } from '../growing.ts';
import { words } from './words.ts';

/** Bytes that hold no record, or one that is not taken. */
export class JournalError extends Error {
  /** `mismatch`: whole, and of something else. */
  readonly kind: 'malformed' | 'version' | 'limit' | 'mismatch';
  constructor(kind: JournalError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface CodecOptions {
  /** Objects that are the same stay the same; those given are known to both sides and never written. */
  readonly known?: readonly object[];
  /** Their objects, of public fields, are read as such again. */
  readonly classes?: readonly { readonly prototype: object }[];
}

export interface DecodeOptions extends CodecOptions {
  /** Gets every object that is read, where identity is kept. */
  readonly made?: object[];
  /** Bytes of buffers that may be more than what is in the record. Default: 1 MiB, and 16 times the record. */
  readonly slackBytes?: number;
}

const KIND = {
  constant: 0,
  natural: 1,
  negative: 2,
  text: 3,
  word: 4,
  wide: 5,
  list: 6,
  object: 7,
  bytes: 8,
  view: 9,
  buffer: 10,
  map: 11,
  set: 12,
  uint32s: 13,
  same: 14,
  instance: 15,
} as const;

const constants = [undefined, null, false, true] as const;
const FLOAT = 4;
const BIGINT = 5;
const MAX_DEPTH = 128;
const wordNumbers: ReadonlyMap<string, number> = new Map(words.map((word, index) => [word, index]));
const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws {@link JournalError} where the value is nested too deep, or in itself and identity is not kept. */
export const encodeRecord = (value: unknown, options: CodecOptions = {}): Uint8Array =>
  new Writer(options).finish(value);

class Writer extends Growing {
  #depth = 0;
  readonly #words = new Map<string, number>();
  readonly #buffers = new Map<ArrayBufferLike, number>();
  readonly #objects: Map<object, number> | undefined;
  readonly #prototypes: readonly object[];

  constructor({ known, classes = [] }: CodecOptions) {
    super();
    this.#objects = known && new Map(known.map((one, index) => [one, index]));
    this.#prototypes = classes.map(({ prototype }) => prototype);
  }

  finish(value: unknown): Uint8Array {
    this.#value(value);
    return this.data.slice(0, this.at);
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#head(KIND.constant, value ? 3 : 2);
      case 'bigint':
        this.#head(KIND.constant, BIGINT);
        return this.#text(String(value));
      case 'object':
        if (value === null) return this.#head(KIND.constant, 1);
        if (++this.#depth > MAX_DEPTH) throw new JournalError('limit', 'nested too deep');
        this.#object(value);
        this.#depth--;
        return;
      default:
        return this.#head(KIND.constant, 0);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0))
      return value < 0 ? this.#head(KIND.negative, -1 - value) : this.#head(KIND.natural, value);
    this.#head(KIND.constant, FLOAT);
    this.view(8).setFloat64(0, value, true);
  }

  #text(text: string): void {
    const word = wordNumbers.get(text) ?? this.#words.get(text);
    if (word !== undefined) return this.#head(KIND.word, word);
    // Numbered by both sides alike: in the order in which they come.
    this.#words.set(text, words.length + this.#words.size);
    if (/[\ud800-\udfff]/.test(text)) {
      this.#head(KIND.wide, text.length);
      for (let index = 0; index < text.length; index++) {
        this.#byte(text.charCodeAt(index));
        this.#byte(text.charCodeAt(index) >> 8);
      }
      return;
    }
    const encoded = utf8Encoder.encode(text);
    this.#head(KIND.text, encoded.length);
    this.put(encoded);
  }

  #object(value: object): void {
    const objects = this.#objects;
    const same = objects?.get(value);
    if (same !== undefined) return this.#head(KIND.same, same);
    if (value instanceof ArrayBuffer) return this.#buffer(KIND.buffer, value, 0);
    objects?.set(value, objects.size);
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (value instanceof Uint32Array) {
      this.#head(KIND.uint32s, value.length);
      for (const one of value) this.#varint(one);
    } else if (Array.isArray(value)) {
      this.#head(KIND.list, value.length);
      for (const one of value) this.#value(one);
    } else if (value instanceof Map) {
      this.#head(KIND.map, value.size);
      for (const [key, one] of value) {
        this.#value(key);
        this.#value(one);
      }
    } else if (value instanceof Set) {
      this.#head(KIND.set, value.size);
      for (const one of value) this.#value(one);
    } else this.#fields(value);
  }

  #fields(value: object): void {
    const fields = Object.entries(value).filter(([, one]) => one !== undefined);
    const own = this.#prototypes.indexOf(Object.getPrototypeOf(value));
    this.#head(own < 0 ? KIND.object : KIND.instance, own < 0 ? fields.length : own);
    if (own >= 0) this.#varint(fields.length);
    for (const [name, one] of fields) {
      this.#text(name);
      this.#value(one);
    }
  }

  #bytes(view: Uint8Array): void {
    const { buffer, byteOffset, length } = view;
    if (length === buffer.byteLength && !this.#buffers.has(buffer)) {
      this.#buffers.set(buffer, this.#buffers.size);
      this.#head(KIND.bytes, length);
    } else {
      this.#buffer(KIND.view, buffer, length);
      this.#varint(byteOffset);
    }
    this.put(view);
  }

  #buffer(kind: number, buffer: ArrayBufferLike, length: number): void {
    this.#head(kind, length);
    const number = this.#buffers.get(buffer);
    this.#varint(number ?? this.#buffers.size);
    if (number !== undefined) return;
    this.#buffers.set(buffer, this.#buffers.size);
    this.#varint(buffer.byteLength);
  }

  #head(kind: number, n: number): void {
    this.#byte(kind * 16 + Math.min(n, 15));
    if (n >= 15) this.#varint(n);
  }

  #byte(byte: number): void {
    const at = this.room(1);
    this.data[at] = byte;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128);
    this.#byte(rest);
  }
}

/** The value in `data`, in memory of its own. Throws {@link JournalError}, and nothing else. */
export const decodeRecord = (data: Uint8Array, options: DecodeOptions = {}): unknown =>
  new Reader(data, options).finish();

class Reader {
  readonly #data: Uint8Array;
  #at = 0;
  #depth = 0;
  #slackLeft: number;
  readonly #words: string[] = [];
  readonly #buffers: ArrayBuffer[] = [];
  readonly #objects: object[] | undefined;
  readonly #classes: readonly { readonly prototype: object }[];
  readonly #made: object[] | undefined;

  constructor(
    data: Uint8Array,
    { known, classes = [], made, slackBytes = 2 ** 20 + 16 * data.length }: DecodeOptions,
  ) {
    // Node's Buffer slices without copying.
    this.#data = new Uint8Array(data.buffer, data.byteOffset, data.length);
    this.#objects = known && [...known];
    this.#slackLeft = slackBytes;
    this.#classes = classes;
    this.#made = made;
  }

  finish(): unknown {
    const value = this.#value();
    if (this.#at < this.#data.length) throw this.#bad(`${this.#data.length - this.#at} bytes too many`);
    return value;
  }

  #bad(what: string): JournalError {
    return new JournalError('malformed', `${what} at byte ${this.#at} of a record`);
  }

  #value(): unknown {
    const head = this.#byte();
    const kind = head >> 4;
    const n = head % 16 === 15 ? this.#varint() : head % 16;
    switch (kind) {
      case KIND.constant:
        return this.#constant(n);
      case KIND.natural:
        return n;
      case KIND.negative:
        return -1 - n;
      case KIND.text:
      case KIND.word:
      case KIND.wide:
        return this.#text(kind, n);
      case KIND.same: {
        const same = this.#objects?.[n];
        if (same === undefined) throw this.#bad('an object that was not before');
        return same;
      }
      default: {
        if (++this.#depth > MAX_DEPTH) throw this.#bad('nested too deep');
        const value = this.#object(kind, n);
        this.#depth--;
        return value;
      }
    }
  }

  #constant(n: number): unknown {
    if (n < constants.length) return constants[n];
    if (n === FLOAT) {
      const at = this.#skip(8);
      return new DataView(this.#data.buffer, this.#data.byteOffset + at, 8).getFloat64(0, true);
    }
    const digits = n === BIGINT ? this.#key() : '';
    if (!/^-?\d{1,400}$/.test(digits)) throw this.#bad('an unknown constant');
    return BigInt(digits);
  }

  #key(): string {
    const head = this.#byte();
    return this.#text(head >> 4, head % 16 === 15 ? this.#varint() : head % 16);
  }

  #text(kind: number, n: number): string {
    if (kind === KIND.word) {
      const word = words[n] ?? this.#words[n - words.length];
      if (word === undefined) throw this.#bad('an unknown word');
      return word;
    }
    const text = kind === KIND.text ? this.#utf8(n) : kind === KIND.wide ? this.#utf16(n) : undefined;
    if (text === undefined) throw this.#bad('no text');
    this.#words.push(text);
    return text;
  }

  #utf8(length: number): string | undefined {
    const at = this.#skip(length);
    try {
      return utf8Decoder.decode(this.#data.subarray(at, at + length));
    } catch {
      return undefined;
    }
  }

  #utf16(length: number): string {
    const at = this.#skip(2 * length);
    let text = '';
    for (let unit = at; unit < this.#at; unit += 2)
      text += String.fromCharCode(this.#data[unit]! + 256 * this.#data[unit + 1]!);
    return text;
  }

  #object(kind: number, n: number): object {
    switch (kind) {
      case KIND.bytes: {
        const at = this.#skip(n);
        const bytes = this.#data.slice(at, at + n);
        this.#buffers.push(bytes.buffer);
        return this.#note(bytes);
      }
      case KIND.view:
        return this.#view(n);
      case KIND.buffer:
        return this.#buffer();
      case KIND.instance: {
        const of = this.#classes[n];
        if (of === undefined) throw this.#bad('an object of an unknown class');
        return this.#fields(Object.create(of.prototype), this.#varint());
      }
      default:
        return this.#collection(kind, n);
    }
  }

  #fields<T extends Record<string, unknown>>(object: T, n: number): T {
    this.#note(object);
    for (let index = 0; index < n; index++) this.#field(object);
    return object;
  }

  #collection(kind: number, n: number): object {
    // Each item takes a byte at least, so that a number out of thin air makes no large list.
    if (n > this.#data.length - this.#at) throw this.#bad('cut off');
    switch (kind) {
      case KIND.list: {
        const list = this.#note<unknown[]>([]);
        for (let index = 0; index < n; index++) list.push(this.#value());
        return list;
      }
      case KIND.object:
        return this.#fields({}, n);
      case KIND.map: {
        const map = this.#note(new Map<unknown, unknown>());
        for (let index = 0; index < n; index++) map.set(this.#value(), this.#value());
        return map;
      }
      case KIND.set: {
        const set = this.#note(new Set<unknown>());
        for (let index = 0; index < n; index++) set.add(this.#value());
        return set;
      }
      case KIND.uint32s: {
        const array = this.#note(new Uint32Array(n));
        for (let index = 0; index < n; index++) array[index] = this.#varint();
        return array;
      }
      default:
        throw this.#bad('a value of no known kind');
    }
  }

  #field(object: Record<string, unknown>): void {
    const name = this.#key();
    const value = this.#value();
    if (name !== '__proto__') object[name] = value;
    else Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }

  #note<T extends object>(object: T): T {
    this.#objects?.push(object);
    this.#made?.push(object);
    return object;
  }

  #view(length: number): Uint8Array {
    const place = this.#objects?.push(emptyBytes);
    const [buffer, offset] = [this.#buffer(), this.#varint()];
    if (offset + length > buffer.byteLength) throw this.#bad('bytes beyond their buffer');
    const at = this.#skip(length);
    const view = new Uint8Array(buffer, offset, length);
    view.set(this.#data.subarray(at, at + length));
    if (place !== undefined) this.#objects![place - 1] = view;
    return view;
  }

  #buffer(): ArrayBuffer {
    const number = this.#varint();
    const old = this.#buffers[number];
    if (old !== undefined) return old;
    if (number !== this.#buffers.length) throw this.#bad('an unknown buffer');
    const size = this.#varint();
    this.#slackLeft -= size;
    if (this.#slackLeft < 0) throw new JournalError('limit', `a buffer of ${size} bytes in a record`);
    const buffer = new ArrayBuffer(size);
    this.#buffers.push(buffer);
    return buffer;
  }

  #byte(): number {
    return this.#data[this.#skip(1)]!;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte >= 128) continue;
      if (!Number.isSafeInteger(value)) break;
      return value;
    }
    throw this.#bad('a number beyond 2^53');
  }

  #skip(count: number): number {
    const at = this.#at;
    if (count > this.#data.length - at) throw this.#bad('cut off');
    this.#at += count;
    return at;
  }
}

const emptyBytes = new Uint8Array(0);
