// Several nodes under a virtual clock that jumps to the next wake-up, with segments given as functions.

import type { Tensor } from '../../ir/types.ts';
import {
  decodeProgram,
  type Input,
  joinPieces,
  type Limits,
  type LoadedBundle,
  type NetworkFactory,
  Node,
  type NodeComponent,
  type NodeEvent,
  type NodeOptions,
  nodeComponents,
  type Output,
  pieceBytes,
  type Traces,
  type Value,
  type Values,
} from '../../runtime/index.ts';

export type SegmentFunctions = Readonly<
  Record<string, (inputs: readonly Tensor[], peer: string) => readonly Tensor[]>
>;

export interface Letter {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export interface Told {
  readonly at: number;
  readonly peer: string;
  readonly event: NodeEvent;
}

/** What nodes may have, by peer. */
export interface WorldOptions {
  readonly traces?: (peer: string) => Traces | undefined;
  readonly network?: (peer: string) => NetworkFactory | undefined;
  readonly components?: (peer: string) => Readonly<Record<string, () => NodeComponent>>;
}

export class World {
  /** Nodes of another kind, to see them in all of the worlds. */
  static nodeOf = (options: () => NodeOptions): Node => new Node(options());
  now = 0;
  readonly nodes = new Map<string, Node>();
  readonly told: Told[] = [];
  /** Every frame ever sent. */
  readonly sent: Letter[] = [];
  readonly mail: Letter[] = [];
  /** Frames from these peers vanish. */
  readonly silent = new Set<string>();
  /** Nothing proves that their frames are theirs. */
  readonly unproven = new Set<string>();
  /** What to do with work: by default the segment's function is run at once. */
  readonly held: (Extract<Output, { type: 'work' }> & { readonly peer: string })[] = [];
  /** Held work that its node wants no more. */
  readonly aborted: { readonly peer: string; readonly segment: string }[] = [];
  readonly released: ArrayBuffer[] = [];
  holdWork = false;
  #segments: SegmentFunctions;

  constructor(
    peers: Readonly<Record<string, LoadedBundle>>,
    segments: SegmentFunctions = {},
    limits: Partial<Limits> = {},
    { traces, network, components }: WorldOptions = {},
  ) {
    this.#segments = segments;
    for (const [peer, bundle] of Object.entries(peers)) {
      const options = { program: decodeProgram(bundle), peer, incarnation: 1, limits };
      this.nodes.set(
        peer,
        World.nodeOf(() => {
          const own = { trace: traces?.(peer), network: network?.(peer) };
          const inside = components && nodeComponents(components(peer));
          return { ...options, ...own, components: inside };
        }),
      );
    }
  }

  node(peer: string): Node {
    return this.nodes.get(peer)!;
  }

  invoke(peer: string, values: Values = {}, entry = 'main'): void {
    this.give(peer, { type: 'invoke', entry, values });
  }

  /** Gives an input and does what the node asks for, but delivers no mail. */
  give(peer: string, input: Input): void {
    this.node(peer).handle(this.now, input);
    this.drain(peer);
  }

  drain(peer: string): number | undefined {
    for (;;) {
      const output = this.node(peer).poll(this.now);
      if (output.type === 'idle') return output.until;
      if (output.type === 'event') this.told.push({ at: this.now, peer, event: output.event });
      if (output.type === 'release') this.released.push(output.buffer);
      if (output.type === 'abort') {
        const at = this.held.findIndex((one) => one.peer === peer && one.work === output.work);
        if (at >= 0) this.aborted.push({ peer, segment: this.held.splice(at, 1)[0]!.segment });
      }
      if (output.type === 'send') this.#post(peer, output.to, output.pieces);
      if (output.type === 'work') {
        if (this.holdWork) this.held.push({ ...output, peer });
        else this.work(peer, output);
      }
    }
  }

  work(peer: string, { work, segment, inputs }: Extract<Output, { type: 'work' }>): void {
    try {
      const outputs = this.#segments[segment]!(inputs as readonly Tensor[], peer);
      this.node(peer).handle(this.now, { type: 'done', work, outputs });
    } catch (error) {
      this.node(peer).handle(this.now, { type: 'failed', work, message: String(error) });
    }
  }

  #post(from: string, to: string, pieces: readonly Uint8Array[]): void {
    const bytes = new Uint8Array(pieceBytes(pieces));
    joinPieces(pieces, bytes);
    this.sent.push({ from, to, bytes });
    if (!this.silent.has(from)) this.mail.push({ from, to, bytes });
  }

  deliver({ from, to, bytes }: Letter): void {
    const vouched = !this.unproven.has(from);
    if (this.nodes.has(to)) this.give(to, { type: 'frame', from, bytes, vouched });
  }

  /** Delivers all mail. */
  settle(): void {
    for (let letter = this.mail.shift(); letter !== undefined; letter = this.mail.shift())
      this.deliver(letter);
  }

  /** Delivers mail and jumps to the next wake-up, until no node waits for anything. */
  run(): void {
    for (;;) {
      this.settle();
      const wakeUps = [...this.nodes.keys()].map((peer) => this.drain(peer));
      if (this.mail.length > 0) continue;
      const next = Math.min(...wakeUps.map((at) => at ?? Number.POSITIVE_INFINITY));
      if (next === Number.POSITIVE_INFINITY) return;
      this.now = next;
    }
  }

  events<Kind extends NodeEvent['kind']>(
    kind: Kind,
    peer?: string,
  ): (Extract<NodeEvent, { kind: Kind }> & { readonly at: number })[] {
    return this.told.flatMap((one) =>
      one.event.kind === kind && (peer === undefined || one.peer === peer)
        ? [{ ...(one.event as Extract<NodeEvent, { kind: Kind }>), at: one.at }]
        : [],
    );
  }

  output(peer: string, name: string): Value | undefined {
    return this.events('output', peer).findLast((event) => event.name === name)?.value;
  }
}
