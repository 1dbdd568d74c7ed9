// How long a peer takes to answer, and when to send again: RFC 6298. Whoever measures keeps to Karn's rule: what was
// sent twice gives no sample. Whole ns only, so that every machine computes the same.

export interface RttState {
  /** 0: nothing measured yet. */
  readonly smoothedNs: number;
  readonly variationNs: number;
  /** What the peer measured; counts until there is a sample of one's own. */
  readonly reported: boolean;
}

export interface RtoBounds {
  /** Before anything was measured. */
  readonly firstNs: number;
  readonly leastNs: number;
  readonly mostNs: number;
}

/** State: {@link save}, given back to the constructor. */
export class Rtt {
  readonly #bounds: RtoBounds;
  #smoothedNs: number;
  #variationNs: number;
  #reported: boolean;

  constructor(bounds: RtoBounds, saved: RttState = { smoothedNs: 0, variationNs: 0, reported: true }) {
    this.#bounds = bounds;
    this.#smoothedNs = saved.smoothedNs;
    this.#variationNs = saved.variationNs;
    this.#reported = saved.reported;
  }

  /** What a round trip hardly ever exceeds; 0: nothing is known of it. */
  get tripNs(): number {
    return this.#smoothedNs + 4 * this.#variationNs;
  }

  /** Section 2. */
  get rtoNs(): number {
    const { firstNs, leastNs, mostNs } = this.#bounds;
    return Math.max(leastNs, Math.min(mostNs, this.tripNs || firstNs));
  }

  sample(takenNs: number): void {
    const taken = Math.max(1, Math.min(takenNs, this.#bounds.mostNs));
    if (this.#reported) {
      this.#smoothedNs = taken;
      this.#variationNs = Math.floor(taken / 2);
      this.#reported = false;
      return;
    }
    const off = Math.abs(this.#smoothedNs - taken);
    this.#variationNs = Math.floor((3 * this.#variationNs + off) / 4);
    this.#smoothedNs = Math.max(1, Math.floor((7 * this.#smoothedNs + taken) / 8));
  }

  /** What the peer measured on the way to us. */
  report(smoothedNs: number, variationNs: number): void {
    if (!this.#reported || smoothedNs < 1) return;
    this.#smoothedNs = Math.min(smoothedNs, this.#bounds.mostNs);
    this.#variationNs = Math.min(variationNs, this.#bounds.mostNs);
  }

  save(): RttState {
    return { smoothedNs: this.#smoothedNs, variationNs: this.#variationNs, reported: this.#reported };
  }
}
