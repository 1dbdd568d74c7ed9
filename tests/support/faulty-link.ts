// Nodes with adaptive networks over links that lose, repeat, delay and reorder what crosses them, in virtual time.

import {
  type AdaptiveOptions,
  adaptive,
  type Limits,
  type LoadedBundle,
  type NodeEvent,
} from '../../runtime/index.ts';
import { call, edge, f32, makeBundle, numbers, recv, send } from '../sim/programs.ts';
import { type Letter, type SegmentFunctions, World, type WorldOptions } from '../sim/world.ts';

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
  readonly components?: WorldOptions['components'];
  /** Of each frame, in the order in which they are sent. */
  readonly fate: (letter: Letter, now: number) => Fate;
}

export class FaultyWorld extends World {
  readonly #fate: FaultyOptions['fate'];
  readonly #wire: Copy[] = [];
  #order = 0;

  constructor(options: FaultyOptions) {
    const { bundles, segments = {}, limits = {}, network = () => ({}), components, fate } = options;
    super(bundles, segments, limits, {
      ...(components && { components }),
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

const members = { a: ['a'], b: ['b'] };
const typed = { dtype: 'float32', shape: [null] } as const;
const edges = [edge(0, 'send', 'a', 'b', typed), edge(1, 'send', 'b', 'a', typed)];

/** a sends x to b, which gives it on its own side, too, and answers with the double. Frames take 5 ms. */
const pair = {
  a: makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['z'],
    ops: [send(0, 'x'), recv(1, 'z')],
  }),
  b: makeBundle({
    class: 'b',
    members,
    edges,
    outputs: ['x'],
    ops: [recv(0, 'x'), call('double', ['x'], ['y']), send(1, 'y')],
  }),
};
const segments: FaultyOptions['segments'] = { double: ([x]) => [f32(...numbers(x!).map((one) => 2 * one))] };
export const pairOver = (
  fate: FaultyOptions['fate'] = () => [5],
  more: Partial<FaultyOptions> = {},
): FaultyWorld => new FaultyWorld({ bundles: pair, segments, fate, ...more });
