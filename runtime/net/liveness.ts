// Whether a peer is still there: Hayashibara et al., "The φ accrual failure detector", SRDS 2004, section 5. The
// suspicion of a silent peer grows with the silence, measured in what is usual for it.
//
// Only arrivals at least half a heartbeat apart are samples: a burst says nothing about pauses. Times are whole ns.

export interface LivenessOptions {
  /** How often a peer is heard if all is well. */
  readonly heartbeatNs: number;
  /** A pause beyond what is usual that is forgiven: a garbage collection, a phone that changes networks. */
  readonly pauseNs: number;
  /** What φ must reach: it errs once in 10^threshold pauses, if these are distributed as before. */
  readonly threshold: number;
  /** Intervals that are remembered. */
  readonly window: number;
}

export interface LivenessState {
  readonly lastNs: number;
  readonly intervalsNs: readonly number[];
}

/** −log10 of the chance that a pause is longer than `deviations` above the mean: a logistic curve close to the normal one. */
function phiOf(deviations: number): number {
  const e = Math.exp(-deviations * (1.5976 + 0.070566 * deviations * deviations));
  return -Math.log10(deviations > 0 ? e / (1 + e) : 1 - 1 / (1 + e));
}

/** How many deviations above the mean φ is `threshold`, by bisection; coarse, so that no last bit of `exp` decides. */
function deviationsAt(threshold: number): number {
  let [low, high] = [0, 64];
  while (high - low > 1 / 64) {
    const middle = (low + high) / 2;
    if (phiOf(middle) < threshold) low = middle;
    else high = middle;
  }
  return high;
}

/** State: {@link save}, given back to the constructor. */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #deviations: number;
  readonly #intervals: number[];
  #lastNs: number;

  /** `now`: it counts as heard then. */
  constructor(options: LivenessOptions, now: number, saved?: LivenessState) {
    this.#options = options;
    this.#deviations = deviationsAt(options.threshold);
    this.#lastNs = saved?.lastNs ?? now;
    this.#intervals = [...(saved?.intervalsNs ?? [])];
  }

  get lastNs(): number {
    return this.#lastNs;
  }

  /** It begins to be watched again: the silence before was nobody's concern. */
  resume(now: number): void {
    this.#lastNs = Math.max(this.#lastNs, now);
  }

  heard(now: number): void {
    const { heartbeatNs, window } = this.#options;
    const interval = now - this.#lastNs;
    if (interval * 2 >= heartbeatNs) {
      this.#intervals.push(interval);
      if (this.#intervals.length > window) this.#intervals.shift();
    }
    // Also of a burst: silence counts from its end.
    this.#lastNs = Math.max(this.#lastNs, now);
  }

  /** What is usual: mean, with the pause that is forgiven, and standard deviation. */
  #usual(): readonly [mean: number, deviation: number] {
    const { heartbeatNs, pauseNs } = this.#options;
    const count = this.#intervals.length;
    if (count === 0) return [heartbeatNs + pauseNs, heartbeatNs / 4];
    const mean = this.#intervals.reduce((sum, one) => sum + one, 0) / count;
    const variance = this.#intervals.reduce((sum, one) => sum + (one - mean) ** 2, 0) / count;
    return [mean + pauseNs, Math.max(Math.sqrt(variance), heartbeatNs / 4)];
  }

  /** The suspicion now. */
  phi(now: number): number {
    const [mean, deviation] = this.#usual();
    return phiOf((now - this.#lastNs - mean) / deviation);
  }

  /** When the silence becomes too long to believe in the peer. */
  get suspectNs(): number {
    const [mean, deviation] = this.#usual();
    return Math.ceil(this.#lastNs + mean + this.#deviations * deviation);
  }

  save(): LivenessState {
    return { lastNs: this.#lastNs, intervalsNs: [...this.#intervals] };
  }
}
