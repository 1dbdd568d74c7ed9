// HyParView (Leitão, Pereira & Rodrigues 2007, HyParView: a membership protocol for reliable gossip-based broadcast, section 4):
// a small active view, symmetric and watched, and a larger passive one, mixed by shuffles, that failures are repaired from.
//
// The paper's connections are TCP, which tell of failures. Here both ends of an active link say each round that they are
// there: who was not heard for three rounds has failed, and who says so without being known is told that it is not, so
// that lost messages leave no link with one end.

import type { ComponentContext, Received } from '../../runtime/index.ts';
import {
  bool,
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

export interface HyParViewOptions extends OverlayOptions {
  /** Peers in the active view: how many a message would be passed on to, and one. Default: 5. */
  readonly active?: number;
  /** Peers in the passive view. Default: 30. */
  readonly passive?: number;
  /** Rounds from one shuffle to the next. Default: 5. */
  readonly shuffleEvery?: number;
}

const walk = table({ peer: string(1), steps: uint(2) });
const messages = {
  join: table({}),
  /** Somebody has joined, and takes a walk. */
  forward: walk,
  neighbour: table({ urgent: bool(1) }),
  answer: table({ accepted: bool(1) }),
  disconnect: table({}),
  alive: table({}),
  shuffle: table({ peer: string(1), steps: uint(2), peers: list(string(3)) }),
  reply: table({ peers: list(string(1)) }),
};
type Messages = typeof messages;
type Context = ComponentContext<Messages>;

/** Steps of a walk, `ARWL`, and how many are left when who has joined enters passive views, `PRWL`. */
const WALK = 6;
const WALK_PASSIVE = 3;
/** Of the active and the passive view in a shuffle, `k_a` and `k_p`. */
const SHUFFLED_ACTIVE = 3;
const SHUFFLED_PASSIVE = 4;
const SHUFFLED = 1 + SHUFFLED_ACTIVE + SHUFFLED_PASSIVE;
const SILENT_ROUNDS = 3;
/** What one peer may ask for in one round, of each kind; and what one neighbour may pass on. */
const MOST_ASKED = 2;
const MOST_PASSED_ON = 64;

export const hyParView = (options: HyParViewOptions): PeerView<Messages> => new HyParView(options);

class HyParView extends Overlay<Messages> {
  readonly messages = messages;
  readonly #most: number;
  readonly #mostPassive: number;
  readonly #shuffleEvery: number;
  /** When each was heard last. */
  readonly #active = new Map<string, number>();
  readonly #passive = new Set<string>();
  /** Who was asked to be a neighbour, and when. */
  readonly #asked = new Map<string, number>();
  #rounds = 0;
  /** What the last shuffle gave away, until it is answered. */
  #shuffled: readonly string[] | undefined;
  readonly #asking = new Quota(MOST_ASKED);
  readonly #passing = new Quota(MOST_PASSED_ON);

  constructor({ active = 5, passive = 30, shuffleEvery = 5, ...options }: HyParViewOptions) {
    super(options);
    this.#most = active;
    this.#mostPassive = passive;
    this.#shuffleEvery = shuffleEvery;
  }

  get view(): readonly string[] {
    return [...this.#active.keys()];
  }

  protected forget(peer: string): void {
    this.#active.delete(peer);
    this.#passive.delete(peer);
    this.#asked.delete(peer);
  }

  protected join(contacts: readonly string[], cx: Context): void {
    for (const peer of contacts.filter((one) => !this.#active.has(one)).slice(0, this.#most)) {
      this.#asked.set(peer, cx.now);
      cx.send(peer, 'join', {});
    }
  }

  // --- each round ------------------------------------------------------------------------------------------

  protected round(cx: Context): void {
    this.#asking.clear();
    this.#passing.clear();
    this.#rounds++;
    for (const [peer, heardNs] of this.#active)
      if (cx.now - heardNs > SILENT_ROUNDS * this.everyNs) this.forget(peer);
    for (const [peer, sinceNs] of this.#asked) if (cx.now - sinceNs >= this.everyNs) this.forget(peer);
    for (const peer of this.#active.keys()) cx.send(peer, 'alive', {});
    this.#repair(cx);
    if (this.#rounds % this.#shuffleEvery === 0) this.#shuffle(cx);
  }

  /** Asks as many of the passive view as the active one has room for; where that has nobody left, strangers. */
  #repair(cx: Context): void {
    if (this.#active.size + this.#asked.size + this.#passive.size === 0)
      return this.join(this.strangers(cx), cx);
    const room = this.#most - this.#active.size - this.#asked.size;
    if (room <= 0) return;
    const known = [...this.#passive].filter((peer) => !this.#asked.has(peer));
    const candidates =
      known.length > 0
        ? known
        : this.strangers(cx).filter((peer) => !this.#active.has(peer) && !this.#asked.has(peer));
    // The paper: only with nobody left. But a few that have each other alone are then an island that the full ones refuse.
    const urgent = this.#active.size < this.#most / 2 || this.#rounds % this.#shuffleEvery === 0;
    for (const peer of sample(candidates, room, cx.random)) {
      this.#asked.set(peer, cx.now);
      cx.send(peer, 'neighbour', { urgent });
    }
  }

  #shuffle(cx: Context): void {
    const [to] = sample(this.view, 1, cx.random);
    if (to === undefined) return;
    const sent = sample([...this.#passive], SHUFFLED_PASSIVE, cx.random);
    this.#shuffled = sent;
    const active = sample(
      this.view.filter((one) => one !== to),
      SHUFFLED_ACTIVE,
      cx.random,
    );
    cx.send(to, 'shuffle', { peer: cx.peer, steps: WALK, peers: [...active, ...sent] }, this.#rounds);
  }

  // --- what others say -------------------------------------------------------------------------------------

  message({ from, kind, body, correlation }: Received<Messages>, cx: Context): void {
    if (!this.isOther(from, cx)) return;
    if (this.#active.has(from)) this.#active.set(from, cx.now);
    switch (kind) {
      case 'alive':
        if (!this.#active.has(from) && this.#asking.take(`alive ${from}`)) cx.send(from, 'disconnect', {});
        return;
      case 'disconnect':
        if (this.#active.delete(from)) this.#keep(from, [], cx);
        return;
      case 'join':
        if (this.#asking.take(`join ${from}`)) this.#joined(from, cx);
        return;
      case 'neighbour':
        if (this.#asking.take(`neighbour ${from}`)) this.#asks(from, body as { urgent: boolean }, cx);
        return;
      case 'answer':
        return this.#answered(from, body as { accepted: boolean }, cx);
      case 'reply':
        // Of the last shuffle, once.
        if (
          this.#shuffled === undefined ||
          correlation !== this.#rounds - (this.#rounds % this.#shuffleEvery)
        )
          return;
        this.#take((body as { peers: string[] }).peers, this.#shuffled, cx);
        this.#shuffled = undefined;
        return;
      default:
        // Walks go along active links.
        if (!this.#active.has(from) || !this.#passing.take(`${kind} ${from}`)) return;
        if (kind === 'forward') this.#forward(from, body as Message<typeof walk>, cx);
        else this.#walked(from, body as Message<Messages['shuffle']>, correlation, cx);
    }
  }

  #joined(peer: string, cx: Context): void {
    const isNew = !this.#active.has(peer);
    if (isNew) this.#activate(peer, cx);
    cx.send(peer, 'answer', { accepted: true });
    if (!isNew) return;
    for (const other of this.#active.keys())
      if (other !== peer) cx.send(other, 'forward', { peer, steps: WALK });
  }

  #forward(from: string, { peer, steps }: Message<typeof walk>, cx: Context): void {
    if (!this.isOther(peer, cx) || this.#active.has(peer)) return;
    const left = Math.min(steps, WALK);
    const [next] = sample(
      this.view.filter((one) => one !== from && one !== peer),
      1,
      cx.random,
    );
    if (left === 0 || next === undefined) {
      this.#asked.set(peer, cx.now);
      cx.send(peer, 'neighbour', { urgent: true });
      return;
    }
    if (left === WALK_PASSIVE) this.#keep(peer, [], cx);
    cx.send(next, 'forward', { peer, steps: left - 1 });
  }

  #asks(from: string, { urgent }: { readonly urgent: boolean }, cx: Context): void {
    const accepted = this.#active.has(from) || urgent || this.#active.size < this.#most;
    if (accepted && !this.#active.has(from)) this.#activate(from, cx);
    cx.send(from, 'answer', { accepted });
  }

  #answered(from: string, { accepted }: { readonly accepted: boolean }, cx: Context): void {
    if (!this.#asked.delete(from) || this.#active.has(from)) return;
    if (accepted && this.#active.size < this.#most) this.#activate(from, cx);
    else {
      if (accepted) cx.send(from, 'disconnect', {});
      this.#keep(from, [], cx);
    }
  }

  #walked(
    from: string,
    { peer, steps, peers }: Message<Messages['shuffle']>,
    number: number,
    cx: Context,
  ): void {
    if (!this.isOther(peer, cx)) return;
    const told = peers.slice(0, SHUFFLED - 1);
    const left = Math.min(steps, WALK) - 1;
    const [next] = sample(
      this.view.filter((one) => one !== from && one !== peer),
      1,
      cx.random,
    );
    if (left > 0 && next !== undefined) {
      cx.send(next, 'shuffle', { peer, steps: left, peers: told }, number);
      return;
    }
    const mine = sample([...this.#passive], told.length, cx.random);
    cx.send(peer, 'reply', { peers: mine }, number);
    this.#take([peer, ...told], mine, cx);
  }

  // --- views -----------------------------------------------------------------------------------------------

  /** Into the active view; where that is full, somebody has to leave it, and is told. */
  #activate(peer: string, cx: Context): void {
    if (this.#active.size >= this.#most) {
      const [out] = sample(this.view, 1, cx.random);
      this.#active.delete(out!);
      cx.send(out!, 'disconnect', {});
      this.#keep(out!, [], cx);
    }
    this.#passive.delete(peer);
    this.#asked.delete(peer);
    this.#active.set(peer, cx.now);
  }

  #take(peers: readonly string[], sent: readonly string[], cx: Context): void {
    const out = [...sent];
    for (const peer of this.others(peers.slice(0, SHUFFLED), cx)) this.#keep(peer, out, cx);
  }

  /** Into the passive view, where it is in none; instead of those of `out` first, then of anybody. */
  #keep(peer: string, out: string[], cx: Context): void {
    if (this.#active.has(peer) || this.#passive.has(peer)) return;
    while (this.#passive.size >= this.#mostPassive)
      this.#passive.delete(out.shift() ?? sample([...this.#passive], 1, cx.random)[0]!);
    this.#passive.add(peer);
  }

  save(): Uint8Array {
    const times = (of: ReadonlyMap<string, number>) => [...of].map(([peer, ns]) => ({ peer, ns }));
    const used = (quota: Quota) => quota.used.map(([peer, ns]) => ({ peer, ns }));
    return encode(saved, {
      active: times(this.#active),
      passive: [...this.#passive],
      asked: times(this.#asked),
      rounds: this.#rounds,
      shuffled: this.#shuffled && { peers: this.#shuffled },
      asking: used(this.#asking),
      passing: used(this.#passing),
      answers: this.answers.save(),
    });
  }

  restore(from: Uint8Array): void {
    const { active, passive, asked, rounds, shuffled, asking, passing, answers } = decode(saved, from);
    const put = (into: Map<string, number>, times: readonly Message<typeof time>[]): void => {
      into.clear();
      for (const { peer, ns } of times) into.set(peer, ns);
    };
    put(this.#active, active);
    put(this.#asked, asked);
    this.#passive.clear();
    for (const peer of passive) this.#passive.add(peer);
    this.#rounds = rounds;
    this.#shuffled = shuffled?.peers;
    this.#asking.used = asking.map(({ peer, ns }) => [peer, ns]);
    this.#passing.used = passing.map(({ peer, ns }) => [peer, ns]);
    this.answers.restore(answers);
  }
}

const time = table({ peer: string(1), ns: uint(2) });
const saved = table({
  active: list(message(1, time)),
  passive: list(string(2)),
  asked: list(message(3, time)),
  rounds: uint(4),
  shuffled: message(5, table({ peers: list(string(1)) })),
  asking: list(message(6, time)),
  passing: list(message(7, time)),
  answers: bytes(8),
});
