// Frames of one peer to one other, in both directions: what was sent and is not yet acknowledged, and what has
// arrived. Neither knows a clock or a socket; both are bounded.

import { NEVER } from '../deadlines.ts';

/** A frame kept until it is acknowledged. */
export interface Kept<Frame> {
  readonly sequence: number;
  readonly frame: Frame;
  readonly bytes: number;
  /** Since when. */
  readonly keptNs: number;
  /** 0: it waits for the receiver to have room. */
  tries: number;
  /** When it was last sent. */
  sentNs: number;
}

export interface OutgoingBounds {
  readonly frames: number;
  readonly bytes: number;
}

export interface Acknowledged<Frame> {
  readonly kept: readonly Kept<Frame>[];
  /** From sending to hearing of it, of the last one that was sent once only (Karn). */
  readonly tookNs: number | undefined;
}

/** State: {@link save}, given back to the constructor. */
export class Outgoing<Frame> {
  readonly #bounds: OutgoingBounds;
  /** In order. */
  readonly #kept: Kept<Frame>[];
  #bytes = 0;
  #inFlight = 0;
  /** Bytes under way that the receiver takes. */
  window = NEVER;

  constructor(bounds: OutgoingBounds, saved: readonly Kept<Frame>[] = []) {
    this.#bounds = bounds;
    this.#kept = saved.map((one) => ({ ...one }));
    for (const { bytes, tries } of saved) {
      this.#bytes += bytes;
      if (tries > 0) this.#inFlight += bytes;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get frames(): number {
    return this.#kept.length;
  }

  /** Bytes sent and not acknowledged. */
  get inFlightBytes(): number {
    return this.#inFlight;
  }

  get oldest(): Kept<Frame> | undefined {
    return this.#kept[0];
  }

  holds(wanted: (frame: Frame) => boolean): boolean {
    return this.#kept.some(({ frame }) => wanted(frame));
  }

  /** Whether another frame of so many bytes may be kept. */
  fits(bytes: number): boolean {
    return this.#kept.length < this.#bounds.frames && this.#bytes + bytes <= this.#bounds.bytes;
  }

  /** Sequences grow, and times do. */
  keep(sequence: number, frame: Frame, bytes: number, now: number): void {
    this.#kept.push({ sequence, frame, bytes, keptNs: now, tries: 0, sentNs: 0 });
    this.#bytes += bytes;
  }

  /** The next frame that may be sent for the first time: within the receiver's window, or nothing else is under way. */
  ready(): Kept<Frame> | undefined {
    const next = this.#kept.find(({ tries }) => tries === 0);
    if (next === undefined || this.window === 0) return undefined;
    return this.#inFlight === 0 || this.#inFlight + next.bytes <= this.window ? next : undefined;
  }

  /** Of those under way, when the first was last sent. */
  get sentNs(): number {
    let first = NEVER;
    for (const { tries, sentNs } of this.#kept) if (tries > 0) first = Math.min(first, sentNs);
    return first;
  }

  /** Those under way that were last sent before or at `sentNs`, oldest first, at most `count`. */
  overdue(sentNs: number, count: number): readonly Kept<Frame>[] {
    return this.#kept.filter((one) => one.tries > 0 && one.sentNs <= sentNs).slice(0, count);
  }

  sent(one: Kept<Frame>, now: number): void {
    if (one.tries++ === 0) this.#inFlight += one.bytes;
    one.sentNs = now;
  }

  /** Takes out what has arrived. A sequence that was never sent is nobody's: it changes nothing. */
  acknowledge(now: number, cumulative: number, selective: readonly number[]): Acknowledged<Frame> {
    const beyond = new Set(selective);
    let tookNs: number | undefined;
    const kept = this.#take(({ sequence, tries }) => {
      return tries > 0 && (sequence <= cumulative || beyond.has(sequence));
    });
    for (const { tries, sentNs } of kept) if (tries === 1) tookNs = now - sentNs;
    return { kept, tookNs };
  }

  /** Gives frames up. */
  giveUp(hopeless: (one: Kept<Frame>) => boolean): readonly Kept<Frame>[] {
    return this.#take(hopeless);
  }

  #take(wanted: (one: Kept<Frame>) => boolean): readonly Kept<Frame>[] {
    const taken = this.#kept.filter(wanted);
    if (taken.length === 0) return taken;
    const gone = new Set(taken);
    let at = 0;
    for (const one of this.#kept) if (!gone.has(one)) this.#kept[at++] = one;
    this.#kept.length = at;
    for (const { bytes, tries } of taken) {
      this.#bytes -= bytes;
      if (tries > 0) this.#inFlight -= bytes;
    }
    return taken;
  }

  save(): readonly Kept<Frame>[] {
    return this.#kept.map((one) => ({ ...one }));
  }
}

export interface IncomingState {
  readonly cumulative: number;
  readonly beyond: readonly number[];
}

/** Sequences that have arrived. State: {@link save}, given back to the constructor. */
export class Incoming {
  readonly #window: number;
  #cumulative: number;
  readonly #beyond: Set<number>;

  /** `window`: how far beyond the first gap sequences may be. */
  constructor(window: number, saved: IncomingState = { cumulative: 0, beyond: [] }) {
    this.#window = window;
    this.#cumulative = saved.cumulative;
    this.#beyond = new Set(saved.beyond);
  }

  get cumulative(): number {
    return this.#cumulative;
  }

  /** Those beyond the first gap, in order, at most `count`. */
  selective(count: number): readonly number[] {
    return [...this.#beyond].sort((a, b) => a - b).slice(0, count);
  }

  /** The sender sends nothing before `oldest` any more. */
  skip(oldest: number): void {
    if (oldest <= this.#cumulative + 1) return;
    this.#cumulative = oldest - 1;
    for (const one of this.#beyond) if (one <= this.#cumulative) this.#beyond.delete(one);
    this.#raise();
  }

  /** `inOrder`: nothing may be missing before it. What is not taken comes again. */
  take(sequence: number, inOrder = false): 'new' | 'duplicate' | 'beyond' {
    if (sequence <= this.#cumulative || this.#beyond.has(sequence)) return 'duplicate';
    if (sequence > this.#cumulative + (inOrder ? 1 : this.#window)) return 'beyond';
    this.#beyond.add(sequence);
    this.#raise();
    return 'new';
  }

  #raise(): void {
    while (this.#beyond.delete(this.#cumulative + 1)) this.#cumulative++;
  }

  save(): IncomingState {
    return { cumulative: this.#cumulative, beyond: this.selective(this.#window) };
  }
}
