// Whether a peer's frames are let in: one decision from what the host says and from how the peer behaved. What it does
// wrong adds to a score that falls with time; a score too high closes the door for a while, longer each time.

import { keyOf, type PhiloxKey } from '../../ir/philox.ts';
import { backoffNs } from './backoff.ts';

export interface PolicyOptions {
  /** From these nothing is let in. */
  readonly block: readonly string[];
  /** These are let in whatever they do. */
  readonly allow: readonly string[];
  /** The score that closes the door. */
  readonly score: number;
  /** How long it takes for one point to fall off. */
  readonly pointNs: number;
  /** How long the door stays closed: the first time, and at most. */
  readonly cooldownNs: number;
  readonly longestNs: number;
}

export type Verdict = 'allow' | 'block' | 'cooldown';

interface Standing {
  score: number;
  atNs: number;
  /** Doors closed so far. */
  closed: number;
  untilNs: number;
}

export interface PolicyState {
  readonly block: readonly string[];
  readonly allow: readonly string[];
  readonly standings: Readonly<Record<string, Standing>>;
}

/** Knows only peers that it is told of: bounded by its caller. State: {@link save}, given back to the constructor. */
export class PeerPolicy {
  readonly #options: PolicyOptions;
  readonly #key: PhiloxKey;
  readonly #standings: Map<string, Standing>;
  #block: ReadonlySet<string>;
  #allow: ReadonlySet<string>;

  constructor(options: PolicyOptions, seed: bigint, saved?: PolicyState) {
    this.#options = options;
    this.#key = keyOf(seed);
    this.#block = new Set(saved?.block ?? options.block);
    this.#allow = new Set(saved?.allow ?? options.allow);
    const standings = Object.entries(saved?.standings ?? {});
    this.#standings = new Map(standings.map(([peer, one]) => [peer, { ...one }]));
  }

  /** The one decision. */
  judge(peer: string, now: number): Verdict {
    if (this.#block.has(peer)) return 'block';
    if (this.#allow.has(peer)) return 'allow';
    return now < (this.#standings.get(peer)?.untilNs ?? 0) ? 'cooldown' : 'allow';
  }

  /** It did something wrong, worth so many points. Gives until when the door is closed, if it closes now. */
  misbehaved(peer: string, now: number, points: number): number | undefined {
    const { score, pointNs, cooldownNs, longestNs } = this.#options;
    if (this.judge(peer, now) !== 'allow' || this.#allow.has(peer)) return undefined;
    const one = this.#standings.get(peer) ?? { score: 0, atNs: now, closed: 0, untilNs: 0 };
    this.#standings.set(peer, one);
    one.score = Math.max(0, one.score - Math.floor((now - one.atNs) / pointNs)) + points;
    one.atNs = now;
    if (one.score < score) return undefined;
    one.score = 0;
    one.untilNs = now + backoffNs(cooldownNs, one.closed, longestNs, this.#key, this.#standings.size);
    one.closed++;
    return one.untilNs;
  }

  /** What the host says from now on; what it leaves out stays. A peer that is allowed begins anew. */
  set(lists: { readonly block?: readonly string[]; readonly allow?: readonly string[] }): void {
    if (lists.block !== undefined) this.#block = new Set(lists.block);
    if (lists.allow !== undefined) this.#allow = new Set(lists.allow);
    for (const peer of lists.allow ?? []) this.#standings.delete(peer);
  }

  save(): PolicyState {
    const standings = [...this.#standings].map(([peer, one]) => [peer, { ...one }] as const);
    return {
      block: [...this.#block],
      allow: [...this.#allow],
      standings: Object.fromEntries(standings),
    };
  }
}
