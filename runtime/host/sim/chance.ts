// Numbers drawn from a seed: a stream for each purpose, so that one more draw here changes nothing there.

import { foldKey, hashName, type PhiloxKey, philox } from '../../../ir/philox.ts';

export class Chance {
  readonly #key: PhiloxKey;
  #block: readonly number[] = [];
  #count = 0;

  constructor(key: PhiloxKey) {
    this.#key = key;
  }

  /** A stream of its own. */
  for(purpose: string): Chance {
    return new Chance(foldKey(this.#key, hashName(purpose)));
  }

  /** 32 bits. */
  word(): number {
    const at = this.#count++ & 3;
    if (at === 0) {
      const block = (this.#count - 1) / 4;
      this.#block = philox(this.#key, [block >>> 0, Math.floor(block / 2 ** 32), 0, 0]);
    }
    return this.#block[at]!;
  }

  /** Random bytes. */
  fill(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 4) {
      const word = this.word();
      for (let byte = 0; byte < 4 && at + byte < bytes.length; byte++)
        view.setUint8(at + byte, word >>> (8 * byte));
    }
  }

  /** From 0 to 1, without 1. */
  uniform(): number {
    return (this.word() * 2 ** 21 + (this.word() >>> 11)) / 2 ** 53;
  }

  /** True in that share of draws; none is made where it is certain. */
  happens(share: number): boolean {
    return share > 0 && (share >= 1 || this.uniform() < share);
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** `count` of the items, in their order. */
  some<Item>(items: readonly Item[], count: number): readonly Item[] {
    const left = items.map((_, index) => index);
    const taken: number[] = [];
    while (taken.length < count && left.length > 0) taken.push(...left.splice(this.below(left.length), 1));
    return taken.sort((a, b) => a - b).map((index) => items[index]!);
  }
}

/** How a duration or a factor is drawn. */
export type Distribution =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly from: number; readonly to: number }
  | { readonly kind: 'exponential'; readonly mean: number }
  /** Cut off at 0. */
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
  | { readonly kind: 'lognormal'; readonly median: number; readonly sigma: number }
  /** Never below `scale`; the smaller `shape`, the longer its tail. */
  | { readonly kind: 'pareto'; readonly scale: number; readonly shape: number };

export function draw(distribution: Distribution, chance: Chance): number {
  switch (distribution.kind) {
    case 'constant':
      return distribution.value;
    case 'uniform':
      return distribution.from + chance.uniform() * (distribution.to - distribution.from);
    case 'exponential':
      return -distribution.mean * Math.log1p(-chance.uniform());
    case 'normal':
      return Math.max(0, distribution.mean + distribution.deviation * gauss(chance));
    case 'lognormal':
      return distribution.median * Math.exp(distribution.sigma * gauss(chance));
    case 'pareto':
      return distribution.scale * (1 - chance.uniform()) ** (-1 / distribution.shape);
  }
}

/** Box and Muller 1958. */
const gauss = (chance: Chance): number =>
  Math.sqrt(-2 * Math.log1p(-chance.uniform())) * Math.cos(2 * Math.PI * chance.uniform());
