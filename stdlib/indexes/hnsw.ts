// Hierarchical navigable small worlds (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
// using hierarchical navigable small world graphs", 2016): Algorithms 1 (insert), 2 (search a layer), 4 (choose
// neighbours by a heuristic) and 5 (search).
//
// What is removed stays as a way to others and is found no more; when half of all is gone, the graph is made anew.

import type { NodeComponent } from '../../runtime/index.ts';
import { bytes, decode, encode, list, message, table, uint } from '../../runtime/proto/codec.ts';
import {
  distances,
  type Found,
  idBytes,
  idOf,
  type Metric,
  nearer,
  type Searcher,
  VectorIndex,
  vectorBytes,
  vectorOf,
} from './vectors.ts';

export interface HnswOptions {
  /** Default: euclidean. */
  readonly metric?: Metric;
  /** Neighbours of each vector on a layer; twice as many on the lowest. Default: 16. */
  readonly m?: number;
  /** How many candidates an insertion looks at. Default: 200. */
  readonly efConstruction?: number;
  /** How many a search looks at, at least. Default: 64. */
  readonly ef?: number;
}

export const hnswIndex = (options: HnswOptions = {}): NodeComponent => new VectorIndex(new Hnsw(options));

interface Point {
  readonly id: bigint;
  readonly vector: Float32Array;
  /** By layer: positions of its neighbours. */
  readonly links: number[][];
  gone: boolean;
}

/** A point and how far it is from the one that is looked for. */
interface Near {
  readonly at: number;
  readonly distance: number;
}

class Hnsw implements Searcher {
  readonly #m: number;
  readonly #efConstruction: number;
  readonly #ef: number;
  readonly #distance: (a: Float32Array, b: Float32Array) => number;
  #points: Point[] = [];
  #byId = new Map<bigint, number>();
  /** Where a search begins; -1: nowhere. */
  #entry = -1;

  constructor({ metric = 'euclidean', m = 16, efConstruction = 200, ef = 64 }: HnswOptions) {
    this.#m = Math.max(2, m);
    this.#efConstruction = efConstruction;
    this.#ef = ef;
    this.#distance = distances[metric];
  }

  get size(): number {
    return this.#byId.size;
  }

  add(id: bigint, vector: Float32Array, { random }: Parameters<Searcher['add']>[2]): void {
    this.remove(id);
    // Section 4.1: layers fall off exponentially.
    const level = Math.min(31, Math.floor(-Math.log2(random.fraction()) / Math.log2(this.#m)));
    this.#insert(id, vector, level);
  }

  remove(id: bigint): void {
    const at = this.#byId.get(id);
    if (at === undefined) return;
    this.#points[at]!.gone = true;
    this.#byId.delete(id);
    if (this.#points.length > 64 && this.#byId.size * 2 < this.#points.length) this.#remake();
  }

  #remake(): void {
    const kept = this.#points.filter(({ gone }) => !gone);
    [this.#points, this.#byId, this.#entry] = [[], new Map(), -1];
    for (const { id, vector, links } of kept) this.#insert(id, vector, links.length - 1);
  }

  #insert(id: bigint, vector: Float32Array, level: number): void {
    const at = this.#points.length;
    const links = Array.from({ length: level + 1 }, (): number[] => []);
    this.#points.push({ id, vector, links, gone: false });
    this.#byId.set(id, at);
    const entry = this.#entry;
    if (entry === -1) {
      this.#entry = at;
      return;
    }
    const top = this.#points[entry]!.links.length - 1;
    let near = this.#descend(vector, level);
    for (let layer = Math.min(level, top); layer >= 0; layer--) {
      near = this.#searchLayer(vector, near, this.#efConstruction, layer);
      for (const { at: other } of this.#choose(near, this.#m)) {
        links[layer]!.push(other);
        this.#link(other, at, layer);
      }
    }
    if (level > top) this.#entry = at;
  }

  #link(from: number, to: number, layer: number): void {
    const { vector, links } = this.#points[from]!;
    const own = links[layer]!;
    own.push(to);
    const most = layer === 0 ? 2 * this.#m : this.#m;
    if (own.length <= most) return;
    const near = own.map((at) => ({ at, distance: this.#distance(vector, this.#points[at]!.vector) }));
    links[layer] = this.#choose(near.sort(nearest), most).map(({ at }) => at);
  }

  /** Algorithm 4: those that are nearer to the point than to any chosen one; then the nearest of the others. */
  #choose(near: readonly Near[], count: number): readonly Near[] {
    const [chosen, others]: [Near[], Near[]] = [[], []];
    for (const one of near) {
      if (chosen.length >= count) break;
      const { vector } = this.#points[one.at]!;
      const isApart = chosen.every(
        ({ at }) => this.#distance(vector, this.#points[at]!.vector) > one.distance,
      );
      (isApart ? chosen : others).push(one);
    }
    return [...chosen, ...others.slice(0, Math.max(0, count - chosen.length))];
  }

  #nearOf(at: number, query: Float32Array): Near {
    return { at, distance: this.#distance(query, this.#points[at]!.vector) };
  }

  /** Greedily from the top down to the layer above `level`. */
  #descend(query: Float32Array, level: number): readonly Near[] {
    let best = this.#nearOf(this.#entry, query);
    for (let layer = this.#points[this.#entry]!.links.length - 1; layer > level; layer--)
      [best] = this.#searchLayer(query, [best], 1, layer) as [Near];
    return [best];
  }

  /** Algorithm 2: the `ef` nearest that are found from `from`, nearest first. */
  #searchLayer(query: Float32Array, from: readonly Near[], ef: number, layer: number): readonly Near[] {
    const seen = new Set(from.map(({ at }) => at));
    const candidates = [...from].sort(nearest);
    const best = [...candidates];
    for (let one = candidates.shift(); one !== undefined; one = candidates.shift()) {
      if (best.length >= ef && one.distance > best.at(-1)!.distance) break;
      for (const at of this.#points[one.at]!.links[layer] ?? []) {
        if (seen.has(at)) continue;
        seen.add(at);
        const near = this.#nearOf(at, query);
        if (best.length >= ef && near.distance >= best.at(-1)!.distance) continue;
        insertSorted(candidates, near);
        insertSorted(best, near);
        if (best.length > ef) best.pop();
      }
    }
    return best;
  }

  search(query: Float32Array, count: number): readonly Found[] {
    if (this.#entry === -1 || count === 0) return [];
    const gone = this.#points.length - this.#byId.size;
    const ef = Math.max(this.#ef, count) + Math.min(gone, Math.max(this.#ef, count));
    const near = this.#searchLayer(query, this.#descend(query, 0), ef, 0);
    const found = near.flatMap(({ at, distance }) => {
      const { id, gone } = this.#points[at]!;
      return gone ? [] : [{ id, distance }];
    });
    return found.length >= count ? found.sort(nearer).slice(0, count) : this.#all(query, count);
  }

  /** Where removals have cut the graph apart: looks at everything, so that as many are found as there are. */
  #all(query: Float32Array, count: number): readonly Found[] {
    const all = Array.from(this.#byId, ([id, at]) => ({ id, distance: this.#nearOf(at, query).distance }));
    return all.sort(nearer).slice(0, count);
  }

  save(): Uint8Array {
    return encode(savedGraph, {
      entry: this.#entry + 1,
      points: this.#points.map(({ id, vector, links, gone }) => ({
        id: idBytes(id),
        vector: vectorBytes(vector),
        layers: links.map((neighbours) => ({ neighbours })),
        gone: gone ? 1 : 0,
      })),
    });
  }

  restore(saved: Uint8Array): void {
    const { entry, points } = decode(savedGraph, saved);
    this.#entry = entry - 1;
    this.#points = points.map(({ id, vector, layers, gone }) => ({
      id: idOf(id),
      vector: vectorOf(vector),
      links: layers.map(({ neighbours }) => [...neighbours]),
      gone: gone === 1,
    }));
    this.#byId = new Map(this.#points.flatMap(({ id, gone }, at) => (gone ? [] : [[id, at] as const])));
  }
}

const nearest = (a: Near, b: Near): number => a.distance - b.distance || a.at - b.at;

function insertSorted(list: Near[], one: Near): void {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nearest(list[middle]!, one) < 0) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, one);
}

const savedGraph = table({
  entry: uint(1),
  points: list(
    message(
      2,
      table({
        id: bytes(1),
        vector: bytes(2),
        layers: list(message(3, table({ neighbours: list(uint(1)) }))),
        gone: uint(4),
      }),
    ),
  ),
});
