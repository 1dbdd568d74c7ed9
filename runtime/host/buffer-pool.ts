// Buffers that are used again: copying into warm memory is several times faster than into fresh memory.

const SMALLEST_BYTES = 4096;

export class BufferPool {
  /** By size class: the power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  readonly #limitBytes: number;

  /** `limitBytes`: free buffers kept at most. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** A buffer of at least `bytes`, with any content. */
  take(bytes: number): ArrayBuffer {
    const size = sizeClass(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return new ArrayBuffer(size);
    this.#freeBytes -= size;
    return buffer;
  }

  /** Gives a buffer back; those of other origin and those beyond the limit are left to the collector. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size < SMALLEST_BYTES || size !== sizeClass(size)) return;
    if (this.#freeBytes + size > this.#limitBytes) return;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer]);
    else list.push(buffer);
    this.#freeBytes += size;
  }
}

/** The power of two, or three quarters of it: at most a third is wasted. */
function sizeClass(bytes: number): number {
  let size = SMALLEST_BYTES;
  while (size < bytes) size *= 2;
  return size * 0.75 >= bytes && size > SMALLEST_BYTES ? size * 0.75 : size;
}
