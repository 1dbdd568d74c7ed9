// What every vector index takes, gives and keeps; how it searches is its own.

import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { bytes, decode, encode, list, message, table, uint } from '../../runtime/proto/codec.ts';
import { bigintsOf, countOf, float32s, float32sOf, int64, int64s, tensorOf } from '../tensors.ts';

export type Metric = 'euclidean' | 'cosine' | 'inner';

/** Smaller is nearer. Euclidean: squared. Cosine: 1 − the cosine. Inner: minus the product. */
export const distances: Readonly<Record<Metric, (a: Float32Array, b: Float32Array) => number>> = {
  euclidean: (a, b) => {
    let sum = 0;
    for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
    return sum;
  },
  cosine: (a, b) => 1 - inner(a, b) / (Math.sqrt(inner(a, a) * inner(b, b)) || 1),
  inner: (a, b) => -inner(a, b),
};

function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}

export interface Found {
  readonly id: bigint;
  readonly distance: number;
}

export const nearer = (a: Found, b: Found): number =>
  a.distance - b.distance || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** How an index finds what is near. */
export interface Searcher {
  readonly size: number;
  add(id: bigint, vector: Float32Array, cx: ComponentContext): void;
  remove(id: bigint): void;
  /** At most `count`, nearest first; of equal distance, the lower id. */
  search(query: Float32Array, count: number): readonly Found[];
  save(): Uint8Array;
  restore(saved: Uint8Array): void;
}

/** Fills slots of the role index. */
export class VectorIndex implements NodeComponent {
  readonly roles = ['index'] as const;
  readonly #searcher: Searcher;
  /** Of every vector; undefined: there was none. */
  #dimensions: number | undefined;

  constructor(searcher: Searcher) {
    this.#searcher = searcher;
  }

  call({ method, inputs }: NodeCall, cx: ComponentContext): readonly DataValue[] {
    switch (method) {
      case 'Add':
        this.#add(inputs, cx);
        return [];
      case 'Remove':
        for (const id of bigintsOf(inputs[0], 'ids')) this.#searcher.remove(id);
        return [];
      case 'Search':
        return this.#search(inputs);
      default:
        return [int64(this.#searcher.size)];
    }
  }

  #rows(value: DataValue | undefined, what: string): readonly Float32Array[] {
    const [count = 0, size = 0] = tensorOf(value, what).dims;
    const all = float32sOf(value, what);
    if (count > 0 && this.#dimensions !== undefined && size !== this.#dimensions)
      throw new Error(`${what} have ${size} dimensions, the index ${this.#dimensions}`);
    return Array.from({ length: count }, (_, row) => all.subarray(row * size, (row + 1) * size));
  }

  #add(inputs: readonly DataValue[], cx: ComponentContext): void {
    const [ids, vectors] = [bigintsOf(inputs[0], 'ids'), this.#rows(inputs[1], 'vectors')];
    // Nothing of an update that fails has happened.
    if (ids.length !== vectors.length) throw new Error(`${ids.length} ids for ${vectors.length} vectors`);
    if (vectors.some((vector) => !vector.every(Number.isFinite))) throw new Error('a vector is not finite');
    this.#dimensions ??= vectors[0]?.length;
    vectors.forEach((vector, at) => {
      this.#searcher.add(ids[at]!, vector.slice(), cx);
    });
  }

  #search(inputs: readonly DataValue[]): readonly DataValue[] {
    const [queries, count] = [this.#rows(inputs[0], 'queries'), countOf(inputs[1], 'count')];
    const most = Math.min(count, this.#searcher.size);
    const found = queries.map((query) => this.#searcher.search(query, most));
    const dims = [queries.length, most];
    const flat = found.flat();
    return [
      int64s(
        dims,
        BigInt64Array.from(flat, ({ id }) => id),
      ),
      float32s(
        dims,
        Float32Array.from(flat, ({ distance }) => distance),
      ),
    ];
  }

  save(): Uint8Array {
    return encode(savedIndex, { dimensions: this.#dimensions ?? 0, searcher: this.#searcher.save() });
  }

  restore(saved: Uint8Array): void {
    const { dimensions, searcher } = decode(savedIndex, saved);
    this.#dimensions = dimensions === 0 ? undefined : dimensions;
    this.#searcher.restore(searcher);
  }
}

const savedIndex = table({ dimensions: uint(1), searcher: bytes(2) });

/** Vectors under ids, as files keep them. */
export const savedVectors = table({ all: list(message(1, table({ id: bytes(1), vector: bytes(2) }))) });

export const idBytes = (id: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(id).buffer);
export const idOf = (saved: Uint8Array): bigint => new BigInt64Array(new Uint8Array(saved).buffer)[0]!;
export const vectorBytes = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer as ArrayBuffer, vector.byteOffset, vector.byteLength);
export const vectorOf = (saved: Uint8Array): Float32Array => new Float32Array(new Uint8Array(saved).buffer);
