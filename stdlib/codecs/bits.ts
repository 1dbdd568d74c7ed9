// Whole numbers of a few bits each, one behind the other, the low bits first.

export class BitWriter {
  readonly #bytes: Uint8Array;
  #at: number;
  #waiting = 0;
  #filled = 0;

  /** Into bytes from one on. */
  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes;
    this.#at = from;
  }

  /** `value` is below 2^width, and `width` at most 24. */
  put(value: number, width: number): void {
    this.#waiting |= value << this.#filled;
    this.#filled += width;
    while (this.#filled >= 8) {
      this.#bytes[this.#at++] = this.#waiting;
      this.#waiting >>>= 8;
      this.#filled -= 8;
    }
  }

  /** As many 0 as said, then a 1. */
  putUnary(zeros: number): void {
    let left = zeros;
    for (; left > 16; left -= 16) this.put(0, 16);
    this.put(1 << left, left + 1);
  }

  /** The last bits, which fill no byte. */
  end(): void {
    if (this.#filled > 0) this.#bytes[this.#at] = this.#waiting;
  }
}

/** Beyond the last byte all bits are 0. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #waiting = 0;
  #filled = 0;

  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes;
    this.#at = from;
  }

  /** `width` is at most 24. */
  take(width: number): number {
    while (this.#filled < width) {
      this.#waiting |= (this.#bytes[this.#at++] ?? 0) << this.#filled;
      this.#filled += 8;
    }
    const value = this.#waiting & ((1 << width) - 1);
    this.#waiting >>>= width;
    this.#filled -= width;
    return value;
  }

  /** How many 0 come before the next 1, which is taken too. Throws an Error beyond `most`. */
  takeUnary(most: number): number {
    let zeros = 0;
    while (this.take(1) === 0) if (++zeros > most) throw new Error('a position is beyond the last number');
    return zeros;
  }
}
