// Byte sources in memory, and a reader that walks a source front to back in windows.

import type { ByteRange, ByteSource } from '../graph.ts';
import { LimitError } from '../limit.ts';

/** A source over bytes that are in memory; reads are views. */
export const memorySource = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  byteLength: bytes.length,
  read(offset, length) {
    if (offset < 0 || length < 0 || offset + length > bytes.length)
      throw new RangeError(
        `${name}: bytes ${offset} to ${offset + length} are outside its ${bytes.length} bytes`,
      );
    // Not `subarray`: a Buffer's makes Buffers, whose own `subarray` takes several times as long.
    return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length);
  },
});

export const readRange = (range: ByteRange): Uint8Array => range.source.read(range.offset, range.byteLength);

/** A problem at a byte offset of the file being read. */
export class FormatError extends Error {
  readonly offset: number;
  constructor(reason: string, offset: number) {
    super(reason);
    this.offset = offset;
  }
}

/** What a diagnostic says of an error while bytes were read. */
export function problemOf(error: unknown): {
  readonly reason: string;
  readonly offset: number | undefined;
  readonly over: LimitError | undefined;
} {
  const over = error instanceof LimitError ? error : undefined;
  const offset = error instanceof FormatError ? error.offset : over?.offset;
  return { reason: error instanceof Error ? error.message : String(error), offset, over };
}

const WINDOW_BYTES = 1 << 18;
const empty: Uint8Array = new Uint8Array(0);

/** Reads a source front to back through one window at a time, so that skipped bytes are never read. */
export class WindowReader {
  readonly #source: ByteSource;
  #window = empty;
  #start = 0;
  /** Offset in the source of the next byte. */
  pos = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }

  /** A view of the `length` bytes at `pos`, which it does not pass. Valid until the next call. */
  peek(length: number): Uint8Array {
    let at = this.pos - this.#start;
    if (at < 0 || at + length > this.#window.length) {
      const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.#source.byteLength - this.pos);
      if (wanted < length) throw new FormatError('the file ends too early', this.#source.byteLength);
      this.#window = this.#source.read(this.pos, wanted);
      this.#start = this.pos;
      at = 0;
    }
    return this.#window.subarray(at, at + length);
  }

  /** Whether the next `length` bytes, which it does not pass, are all ASCII. */
  isAscii(length: number): boolean {
    const at = this.pos - this.#start;
    if (at < 0 || at + length > this.#window.length) return this.peek(length).every((byte) => byte < 0x80);
    for (let index = at; index < at + length; index++) if (this.#window[index]! >= 0x80) return false;
    return true;
  }

  /** Copies the next `length` bytes to `target` and passes them. */
  take(length: number, target: Uint8Array, to: number): void {
    const at = this.pos - this.#start;
    // A view costs more than to copy a few bytes one by one.
    if (length <= 64 && at >= 0 && at + length <= this.#window.length)
      for (let index = 0; index < length; index++) target[to + index] = this.#window[at + index]!;
    else target.set(this.peek(length), to);
    this.pos += length;
  }

  byte(): number {
    const at = this.pos - this.#start;
    if (at >= 0 && at < this.#window.length) {
      this.pos++;
      return this.#window[at]!;
    }
    const value = this.peek(1)[0]!;
    this.pos++;
    return value;
  }

  /** A varint that must be a length or a tag: at most 2^53 - 1. */
  varint(): number {
    const start = this.pos;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new FormatError('a length is too large', start);
        return value;
      }
      scale *= 128;
    }
    throw new FormatError('a number is longer than ten bytes', start);
  }

  /** Passes a varint of any value. */
  skipVarint(): void {
    const start = this.pos;
    for (let count = 0; count < 10; count++) if (this.byte() < 0x80) return;
    throw new FormatError('a number is longer than ten bytes', start);
  }
}
