// Cyclon (Voulgaris, Gavidia & van Steen 2005, Cyclon: inexpensive membership management for unstructured P2P overlays,
// section 3.2, enhanced shuffling). Each round a peer takes the oldest of its view out of it, gives that one a few others and
// itself, and gets a few of what that one knows. So who is gone is asked once by each who knows it, and forgotten; and all are
// known by about as many.

import type { ComponentContext, Received } from '../../runtime/index.ts';
import {
  bytes,
  decode,
  encode,
  list,
  type Message,
  message,
  string,
  table,
  uint,
} from '../../runtime/proto/codec.ts';
import { Overlay, type OverlayOptions, type PeerView, Quota, sample } from './overlay.ts';

export interface CyclonOptions extends OverlayOptions {
  /** Peers in a view, `c`. Default: 20. */
  readonly size?: number;
  /** Peers in a shuffle, `ℓ`, the sender being one of them. Default: 8. */
  readonly shuffle?: number;
}

export interface Neighbour {
  readonly peer: string;
  /** Rounds since it said itself that it is there. */
  readonly age: number;
}

/** Peers and their ages. */
const entries = table({ peers: list(string(1)), ages: list(uint(2)) });
export const cyclonMessages = { shuffle: entries, reply: entries };
export type CyclonMessages = typeof cyclonMessages;
type Messages = CyclonMessages;
type Context = ComponentContext<Messages>;

/** Shuffles of others that are answered in one round; one is usual. */
const MOST_ANSWERED = 32;
const MOST_AGE = 2 ** 31;

/** Throws RangeError where a shuffle has more peers than a view. */
export const cyclon = (options: CyclonOptions): PeerView<Messages> => new Cyclon(options);

export class Cyclon extends Overlay<Messages> {
  readonly messages = cyclonMessages;
  readonly #size: number;
  readonly #length: number;
  #view: readonly Neighbour[] = [];
  /** Whom it has asked in this round, and what that one was told. */
  #asked: { readonly to: string; readonly sent: readonly string[] } | undefined;
  /** Numbers its shuffles. */
  #number = 0;
  readonly #answered = new Quota(1);

  constructor({ size = 20, shuffle = 8, ...options }: CyclonOptions) {
    super(options);
    if (shuffle > size) throw new RangeError(`a shuffle of ${shuffle} is more than a view of ${size}`);
    this.#size = size;
    this.#length = shuffle;
  }

  get view(): readonly string[] {
    return this.#view.map(({ peer }) => peer);
  }

  get neighbours(): readonly Neighbour[] {
    return this.#view;
  }

  join(contacts: readonly string[]): void {
    this.#merge(
      contacts.slice(0, this.#size).map((peer) => ({ peer, age: 0 })),
      this.view,
    );
  }

  forget(peer: string): void {
    this.#view = this.#view.filter((one) => one.peer !== peer);
  }

  round(cx: Context): void {
    this.#answered.clear();
    this.#asked = undefined;
    if (this.#view.length === 0) this.join(this.strangers(cx));
    this.#view = this.#view.map(({ peer, age }) => ({ peer, age: age + 1 }));
    const oldest = this.#view.reduce<Neighbour | undefined>(
      (old, one) => (old === undefined || one.age > old.age ? one : old),
      undefined,
    );
    if (oldest === undefined) return;
    this.forget(oldest.peer);
    const sent = sample(this.#view, this.#length - 1, cx.random);
    this.#asked = { to: oldest.peer, sent: sent.map(({ peer }) => peer) };
    cx.send(oldest.peer, 'shuffle', entriesOf(sent), ++this.#number);
  }

  message({ from, kind, body, correlation }: Received<Messages>, cx: Context): void {
    if (!this.isOther(from, cx)) return;
    const told = this.#toldBy(body, cx);
    if (kind === 'reply') {
      if (this.#asked?.to !== from || correlation !== this.#number) return;
      this.#merge(told, this.#asked.sent);
      this.#asked = undefined;
      return;
    }
    if (this.#answered.used.length >= MOST_ANSWERED || !this.#answered.take(from)) return;
    const mine = sample(this.#view, this.#length, cx.random);
    cx.send(from, 'reply', entriesOf(mine), correlation);
    this.#merge(
      [{ peer: from, age: 0 }, ...told],
      mine.map(({ peer }) => peer),
    );
  }

  #toldBy({ peers, ages }: Message<typeof entries>, cx: Context): readonly Neighbour[] {
    return peers
      .slice(0, this.#length)
      .map((peer, at) => ({ peer, age: Math.min(ages[at] ?? 0, MOST_AGE) }))
      .filter(({ peer }) => this.isOther(peer, cx));
  }

  /** Takes in who is not known yet: where there is room, and then instead of those that were sent. */
  #merge(told: readonly Neighbour[], sent: readonly string[]): void {
    const view = new Map(this.#view.map((one) => [one.peer, one]));
    const given = sent.filter((peer) => view.has(peer));
    for (const one of told) {
      if (view.has(one.peer)) continue;
      if (view.size >= this.#size) {
        const out = given.shift();
        if (out === undefined) break;
        view.delete(out);
      }
      view.set(one.peer, one);
    }
    this.#view = [...view.values()];
  }

  save(): Uint8Array {
    return encode(saved, {
      view: entriesOf(this.#view),
      asked: this.#asked && { to: this.#asked.to, sent: this.#asked.sent },
      number: this.#number,
      answered: this.#answered.used.map(([peer]) => peer),
      answers: this.answers.save(),
    });
  }

  restore(from: Uint8Array): void {
    const { view, asked, number, answered, answers } = decode(saved, from);
    this.#view = (view?.peers ?? []).map((peer, at) => ({ peer, age: view!.ages[at]! }));
    this.#asked = asked;
    this.#number = number;
    this.#answered.used = answered.map((peer) => [peer, 1]);
    this.answers.restore(answers);
  }
}

const entriesOf = (view: readonly Neighbour[]) => ({
  peers: view.map(({ peer }) => peer),
  ages: view.map(({ age }) => age),
});

const saved = table({
  view: message(1, entries),
  asked: message(2, table({ to: string(1), sent: list(string(2)) })),
  number: uint(3),
  answered: list(string(4)),
  answers: bytes(5),
});
