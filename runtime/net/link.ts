// What a node knows of its link to one peer.

import { foldKey, hashName, type PhiloxKey } from '../../ir/philox.ts';
import { NEVER } from '../deadlines.ts';
import type { Envelope } from '../wire/envelope.ts';
import { backoffNs } from './backoff.ts';
import { ADAPTIVE, type Version } from './greeting.ts';
import type { SavedFrame, Waiting } from './kept-frame.ts';
import { Liveness, type LivenessState } from './liveness.ts';
import type { AdaptiveOptions } from './options.ts';
import { Incoming, type IncomingState, type Kept, Outgoing } from './reliable.ts';
import { Rtt, type RttState } from './rtt.ts';

/** How long a byte may take: as on a line of 8 Mbit/s. */
export const BYTE_NS = 1000;

/** Plain fields, which a snapshot takes as they are. */
export interface LinkFields {
  /** Of the peer, the last that was heard. */
  incarnation: number;
  /** That both speak; 0: not known yet. */
  version: Version;
  /** They have no version in common. */
  strange: boolean;
  /** The peer knows our versions. */
  known: boolean;
  /** The incarnation of the peer that greeted us. */
  greeted: number;
  /** Envelopes counted so far. */
  sequence: number;
  /** Tries since the last news. */
  tries: number;
  /** When an acknowledgement must leave by itself; null: none is due. */
  ackNs: number | null;
  /** Frames since the last acknowledgement. */
  unacknowledged: number;
  /** A probe to be answered. */
  echo: number;
  /** Our own probe under way, when it left, and when the next may. */
  probe: number;
  probeNs: number;
  nextProbeNs: number;
  probes: number;
  /** There is something measured that the peer was not told. */
  report: boolean;
  /** It was told that we take nothing for now. */
  paused: boolean;
  /** Flows wait for it. */
  watched: boolean;
  /** Given up until then; 0: it is not. */
  lostNs: number;
  losses: number;
}

export interface LinkState {
  readonly fields: LinkFields;
  readonly rtt: RttState;
  readonly live: LivenessState;
  readonly into: IncomingState;
  readonly out: readonly Kept<SavedFrame>[];
  readonly takes: number | null;
}

export class Link {
  readonly peer: string;
  /** Among the node's links. */
  readonly order: number;
  readonly rtt: Rtt;
  readonly live: Liveness;
  readonly out: Outgoing<Waiting>;
  into: Incoming;
  readonly fields: LinkFields;
  /** The wake-up that counts. */
  wakeUp: { readonly link: Link; readonly at: number } | undefined;
  readonly #options: AdaptiveOptions;
  readonly #key: PhiloxKey;

  constructor(
    peer: string,
    order: number,
    options: AdaptiveOptions,
    { key, slackNs }: { readonly key: PhiloxKey; readonly slackNs: number },
    now: number,
    saved?: LinkState,
    kept: readonly Kept<Waiting>[] = [],
  ) {
    this.peer = peer;
    this.order = order;
    this.#options = options;
    this.#key = foldKey(key, hashName(peer));
    this.rtt = new Rtt(options.rto, saved?.rtt);
    const { pauseNs } = options.liveness;
    this.live = new Liveness({ ...options.liveness, pauseNs: pauseNs + slackNs }, now, saved?.live);
    this.into = new Incoming(options.window, saved?.into);
    this.out = new Outgoing({ frames: options.frames, bytes: options.frameBytes }, kept);
    this.out.window = saved?.takes ?? NEVER;
    this.fields = { ...(saved?.fields ?? fresh) };
  }

  /** It neither acknowledges nor answers. */
  get plain(): boolean {
    const { version } = this.fields;
    return version > 0 && version < ADAPTIVE;
  }

  /** The peer has begun anew: what we had from it is no measure for what comes. */
  renew(incarnation: number): void {
    this.into = new Incoming(this.#options.window);
    this.fields.incarnation = incarnation;
    this.fields.known = this.fields.strange = false;
    this.fields.version = this.fields.unacknowledged = this.fields.echo = 0;
    this.fields.ackNs = null;
  }

  /** Something arrived that asks for an answer. */
  owe(atNs: number): void {
    const { fields } = this;
    fields.ackNs = Math.min(fields.ackNs ?? atNs, atNs);
  }

  /** When frames under way are sent again, if nothing is heard of them. */
  get resendNs(): number {
    const sent = this.out.sentNs;
    return sent === NEVER ? NEVER : sent + this.pauseNs(this.rtt.rtoNs, this.fields.tries) + this.#lineNs;
  }

  /** What was last sent before may be sent again. */
  overdueNs(now: number): number {
    return now - this.rtt.rtoNs - this.#lineNs;
  }

  /** What is under way may still be in line. */
  get #lineNs(): number {
    return this.out.inFlightBytes * BYTE_NS;
  }

  /** A pause before a try. */
  pauseNs(baseNs: number, tries: number): number {
    const draw = this.out.oldest?.sequence ?? this.fields.sequence;
    return backoffNs(baseNs, tries, this.#options.rto.mostNs, this.#key, draw);
  }

  /** When it has something to do by itself. */
  get nextNs(): number {
    const { fields, out } = this;
    return Math.min(
      fields.ackNs ?? NEVER,
      this.resendNs,
      this.stalled ? fields.nextProbeNs : NEVER,
      (out.oldest?.keptNs ?? NEVER) + this.#options.keepNs,
      fields.watched && fields.lostNs === 0 ? this.live.suspectNs : NEVER,
    );
  }

  /** The peer takes nothing for now, and must be asked whether that is still so. */
  get stalled(): boolean {
    return this.out.window === 0 && this.out.frames > 0 && this.out.inFlightBytes === 0;
  }

  /** Takes what an envelope says of our frames; those that had to be sent again may now follow at once. */
  acknowledged(now: number, { acknowledgements }: Envelope, incarnation: number): void {
    for (const one of acknowledgements) {
      if (one.incarnation !== incarnation) continue;
      const { kept, tookNs } = this.out.acknowledge(now, one.cumulative, one.selective);
      for (const { frame } of kept) frame.shared?.drop();
      if (kept.length > 0) this.fields.tries = 0;
      if (tookNs !== undefined) this.sample(tookNs);
    }
  }

  sample(tookNs: number): void {
    this.rtt.sample(tookNs);
    this.fields.report = true;
  }
}

const fresh: LinkFields = {
  incarnation: 0,
  version: 0,
  strange: false,
  known: false,
  greeted: 0,
  sequence: 0,
  tries: 0,
  ackNs: null,
  unacknowledged: 0,
  echo: 0,
  probe: 0,
  probeNs: 0,
  nextProbeNs: 0,
  probes: 0,
  report: false,
  paused: false,
  watched: false,
  lostNs: 0,
  losses: 0,
};
