// The exact index: looks at every vector.

import type { NodeComponent } from '../../runtime/index.ts';
import { decode, encode } from '../../runtime/proto/codec.ts';
import {
  distances,
  type Found,
  idBytes,
  idOf,
  type Metric,
  nearer,
  type Searcher,
  savedVectors,
  VectorIndex,
  vectorBytes,
  vectorOf,
} from './vectors.ts';

export interface FlatOptions {
  /** Default: euclidean. */
  readonly metric?: Metric;
}

export const flatIndex = ({ metric = 'euclidean' }: FlatOptions = {}): NodeComponent =>
  new VectorIndex(new Flat(metric));

class Flat implements Searcher {
  readonly #metric: Metric;
  #vectors = new Map<bigint, Float32Array>();

  constructor(metric: Metric) {
    this.#metric = metric;
  }

  get size(): number {
    return this.#vectors.size;
  }

  add(id: bigint, vector: Float32Array): void {
    this.#vectors.set(id, vector);
  }

  remove(id: bigint): void {
    this.#vectors.delete(id);
  }

  search(query: Float32Array, count: number): readonly Found[] {
    const distance = distances[this.#metric];
    const all = Array.from(this.#vectors, ([id, vector]) => ({ id, distance: distance(query, vector) }));
    return all.sort(nearer).slice(0, count);
  }

  save(): Uint8Array {
    const all = Array.from(this.#vectors, ([id, vector]) => ({
      id: idBytes(id),
      vector: vectorBytes(vector),
    }));
    return encode(savedVectors, { all });
  }

  restore(saved: Uint8Array): void {
    const { all } = decode(savedVectors, saved);
    this.#vectors = new Map(all.map(({ id, vector }) => [idOf(id), vectorOf(vector)]));
  }
}
