// Nodes with adaptive networks over links that lose, repeat, delay and reorder what crosses them, in virtual time.

import {
  type AdaptiveOptions,
  adaptive,
  type Limits,
  type LoadedBundle,
  type NodeEvent,
} from '../../runtime/index.ts';
import { type Letter, type SegmentFunctions, World } from '../sim/world.ts';

/** What becomes of a frame: how late each copy of it arrives, in ms; none: it is lost. */
export type Fate = readonly number[];

interface Copy extends Letter {
  readonly at: number;
  readonly order: number;
}

export interface FaultyOptions {
  readonly bundles: Readonly<Record<string, LoadedBundle>>;
  readonly segments?: SegmentFunctions;
  readonly limits?: Partial<Limits>;
  /** Of each peer; null: it has no network. */
  readonly network?: (peer: string) => Partial<AdaptiveOptions> | null;
  /** Of each frame, in the order in which they are sent. */
  readonly fate: (letter: Letter, now: number) => Fate;
}

export class FaultyWorld extends World {
  readonly #fate: FaultyOptions['fate'];
  readonly #wire: Copy[] = [];
  #order = 0;

  constructor({ bundles, segments = {}, limits = {}, network = () => ({}), fate }: FaultyOptions) {
    super(bundles, segments, limits, {
      network: (peer) => {
        const options = network(peer);
        return options === null ? undefined : adaptive(options);
      },
    });
    this.#fate = fate;
  }

  /** Lets time pass until `endNs`, or until nothing is to happen any more. */
  pass(endNs = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const wakeUps = [...this.nodes.keys()].map((peer) => this.drain(peer) ?? Number.POSITIVE_INFINITY);
      for (let letter = this.mail.shift(); letter !== undefined; letter = this.mail.shift())
        for (const ms of this.#fate(letter, this.now))
          this.#wire.push({ ...letter, at: this.now + ms * 1e6, order: this.#order++ });
      this.#wire.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = Math.min(...wakeUps, this.#wire[0]?.at ?? Number.POSITIVE_INFINITY);
      if (next > endNs || next === Number.POSITIVE_INFINITY) break;
      this.now = Math.max(this.now, next);
      while (this.#wire.length > 0 && this.#wire[0]!.at <= this.now) this.deliver(this.#wire.shift()!);
    }
    if (endNs < Number.POSITIVE_INFINITY) this.now = Math.max(this.now, endNs);
  }

  /** Flows that have ended at a peer, by their key, with how. */
  ended(peer: string): Extract<NodeEvent, { kind: 'flow-ended' }>[] {
    return this.events('flow-ended', peer);
  }
}
