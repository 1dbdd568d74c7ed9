// T-Man (Jelasity, Montresor & Babaoglu 2009, T-Man: gossip-based fast overlay topology construction, section 3): each round a
// peer gives one that is near to it those that would be nearest to that one, gets the same, and keeps the nearest to itself.
//
// The paper's sampling service is a Cyclon view beside it: one random peer is asked each round too, so that nobody stays
// where it is near to nobody. Who does not answer is forgotten until it says something later of itself, and so is what
// nobody has renewed for many rounds.

import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, Received } from '../../runtime/index.ts';
import {
  bytes,
  decode,
  encode,
  float,
  list,
  type Message,
  message,
  string,
  table,
  uint,
} from '../../runtime/proto/codec.ts';
import { float32sOf } from '../tensors.ts';
import { Cyclon, type CyclonMessages, cyclonMessages } from './cyclon.ts';
import { Overlay, type OverlayOptions, overlay, type PeerView, Quota, sample } from './overlay.ts';
import { type Profile, type Ranking, rankings } from './ranking.ts';

export const placedOverlay = {
  methods: {
    ...overlay.methods,
    /** What this peer says of itself: where it stands on the ring, or a point; at most 64 numbers. */
    Place: {
      kind: 'update',
      inputs: [{ name: 'values', dtype: 'float32', shape: ['D'] }],
      options: {},
      outputs: [],
    },
  },
} as const;

export interface TManOptions extends OverlayOptions {
  /** `ring`: by the first number of each, or by its name's hash where it has placed nothing. `near`: by distance. Default: `ring`. */
  readonly ranking?: keyof typeof rankings;
  /** Peers in the view. Default: 20. */
  readonly size?: number;
  /** Peers in a message, `m`. Default: 10. */
  readonly sent?: number;
  /** Of the nearest so many, one is asked in a round, `ψ`. Default: 5. */
  readonly partners?: number;
  /** Rounds until it is forgotten what nobody has renewed. Default: 20. */
  readonly forgetAfter?: number;
}

const told = table({ peer: string(1), ageMs: uint(2), values: list(float(3)) });
const exchange = table({ values: list(float(1)), peers: list(message(2, told)) });
const messages = { ...cyclonMessages, exchange, answer: exchange };
type Messages = typeof messages;
type Context = ComponentContext<Messages>;

interface Described extends Profile {
  /** When it said this of itself: in time, not in rounds, or who passes it on before its own round would make it younger. */
  readonly saidNs: number;
}

const MOST_VALUES = 64;
/** Exchanges of others that are answered in one round; two are usual. */
const MOST_ANSWERED = 32;

export const tMan = (options: TManOptions): PeerView<Messages> => new TMan(options);

class TMan extends Overlay<Messages> {
  override readonly declaration = placedOverlay;
  readonly messages = messages;
  readonly #ranking: Ranking;
  readonly #size: number;
  readonly #sent: number;
  readonly #partners: number;
  readonly #forgetNs: number;
  readonly #sampling: Cyclon;
  /** In the order of the ranking. */
  #near: readonly Described[] = [];
  #values: readonly number[] = [];
  #rounds = 0;
  /** Who has not answered in this round. */
  #asked = new Set<string>();
  /** Who did not answer, and when it was asked. */
  readonly #silent = new Map<string, number>();
  readonly #answered = new Quota(2);

  constructor({
    ranking = 'ring',
    size = 20,
    sent = 10,
    partners = 5,
    forgetAfter = 20,
    ...options
  }: TManOptions) {
    super(options);
    this.#ranking = rankings[ranking];
    this.#size = size;
    this.#sent = sent;
    this.#partners = partners;
    this.#forgetNs = forgetAfter * this.everyNs;
    this.#sampling = new Cyclon(options);
  }

  get view(): readonly string[] {
    return this.#near.map(({ peer }) => peer);
  }

  /** The nearest: that is what the view is for. */
  protected override choose(count: number): readonly string[] {
    return this.view.slice(0, count);
  }

  override call(call: NodeCall, cx: Context): readonly DataValue[] {
    if (call.method !== 'Place') return super.call(call, cx);
    const values = [...float32sOf(call.inputs[0], 'values')];
    if (values.length > MOST_VALUES || !values.every(Number.isFinite))
      throw new Error(`values are at most ${MOST_VALUES} finite numbers`);
    this.#values = values;
    this.#keep([], cx);
    return [];
  }

  protected join(contacts: readonly string[], cx: Context): void {
    this.#sampling.join(contacts);
    this.#keep(
      contacts.slice(0, this.#size).map((peer) => ({ peer, saidNs: cx.now, values: [] })),
      cx,
    );
  }

  protected forget(peer: string): void {
    this.#near = this.#near.filter((one) => one.peer !== peer);
    this.#sampling.forget(peer);
  }

  protected round(cx: Context): void {
    this.#rounds++;
    this.#answered.clear();
    for (const peer of this.#asked) {
      this.forget(peer);
      this.#silent.set(peer, Math.max(0, cx.now - this.everyNs));
    }
    const since = cx.now - this.#forgetNs;
    for (const [peer, askedNs] of this.#silent) if (askedNs < since) this.#silent.delete(peer);
    this.#near = this.#near.filter(({ saidNs }) => saidNs >= since);
    this.#sampling.round(cx as never);
    const [near] = sample(this.#near.slice(0, this.#partners), 1, cx.random);
    const [random] = sample(this.#sampling.view, 1, cx.random);
    this.#asked = new Set([near?.peer, random].filter((one) => one !== undefined));
    for (const peer of this.#asked) {
      const known = this.#near.find((one) => one.peer === peer);
      cx.send(peer, 'exchange', this.#toldTo(known ?? { peer, values: [] }, cx), this.#rounds);
    }
  }

  message(received: Received<Messages>, cx: Context): void {
    const { from, kind, body, correlation } = received;
    if (kind === 'shuffle' || kind === 'reply')
      return this.#sampling.message(received as Received<CyclonMessages>, cx as never);
    if (!this.isOther(from, cx)) return;
    const { values: own, peers } = body as Message<typeof exchange>;
    const values = wellFormed(own);
    if (kind === 'answer') {
      if (correlation !== this.#rounds || !this.#asked.delete(from)) return;
    } else {
      if (this.#answered.used.length >= MOST_ANSWERED || !this.#answered.take(from)) return;
      cx.send(from, 'answer', this.#toldTo({ peer: from, values }, cx), correlation);
    }
    this.#silent.delete(from);
    this.#keep([{ peer: from, saidNs: cx.now, values }, ...this.#heardIn(peers, cx)], cx);
  }

  /** The view and, where a name says where a peer stands, the younger half of the sample: who is far from its place gets there. */
  #known({ now }: Context): Map<string, Described> {
    const sampled = this.#values.length === 0 ? this.#sampling.neighbours : [];
    const fromSample = sampled
      .map(({ peer, age }) => ({ peer, saidNs: Math.max(0, now - age * this.everyNs), values: [] }))
      .filter((one) => now - one.saidNs <= this.#forgetNs / 2 && this.#isNews(one, now));
    return new Map([...fromSample, ...this.#near].map((one) => [one.peer, one]));
  }

  /** Whether it was said lately, and after the peer was silent: else it may be gone. */
  #isNews({ peer, saidNs }: Described, now: number): boolean {
    return saidNs >= now - this.#forgetNs && saidNs > (this.#silent.get(peer) ?? -1);
  }

  #toldTo(to: Profile, cx: Context) {
    const others = [...this.#known(cx).values()].filter(({ peer }) => peer !== to.peer);
    const peers = this.#ranking(to, others)
      .slice(0, this.#sent)
      .map(({ saidNs, peer, values }) => ({
        peer,
        ageMs: Math.ceil((cx.now - saidNs) / 1e6),
        values: [...values],
      }));
    return { values: [...this.#values], peers };
  }

  #heardIn(peers: Message<typeof exchange>['peers'], { now }: Context): readonly Described[] {
    return peers
      .slice(0, this.#sent)
      .flatMap((one) => {
        if (one === undefined) return [];
        const { peer, ageMs, values } = one;
        return { peer, saidNs: Math.max(0, now - ageMs * 1e6), values: wellFormed(values) };
      })
      .filter((one) => this.#isNews(one, now));
  }

  /** What each said of itself last; of that, the nearest. */
  #keep(heard: readonly Described[], cx: Context): void {
    const all = this.#known(cx);
    for (const one of heard) {
      if (!this.isOther(one.peer, cx)) continue;
      const known = all.get(one.peer);
      if (known === undefined || one.saidNs > known.saidNs) all.set(one.peer, one);
    }
    const own = { peer: cx.peer, values: this.#values };
    this.#near = this.#ranking(own, [...all.values()]).slice(0, this.#size);
  }

  save(): Uint8Array {
    return encode(saved, {
      near: this.#near.map((one) => ({ ...one, values: [...one.values] })),
      values: [...this.#values],
      rounds: this.#rounds,
      asked: [...this.#asked],
      silent: [...this.#silent].map(([peer, count]) => ({ peer, count })),
      answered: this.#answered.used.map(([peer, count]) => ({ peer, count })),
      sampling: this.#sampling.save(),
      answers: this.answers.save(),
    });
  }

  restore(from: Uint8Array): void {
    const { near, values, rounds, asked, silent, answered, sampling, answers } = decode(saved, from);
    this.#near = near.flatMap((one) => one ?? []);
    this.#values = values;
    this.#rounds = rounds;
    this.#asked = new Set(asked);
    this.#silent.clear();
    for (const one of silent) this.#silent.set(one!.peer, one!.count);
    this.#answered.used = answered.map((one) => [one!.peer, one!.count]);
    this.#sampling.restore(sampling);
    this.answers.restore(answers);
  }
}

const wellFormed = (values: readonly number[]): readonly number[] =>
  values.length <= MOST_VALUES && values.every(Number.isFinite) ? values : [];

const counted = table({ peer: string(1), count: uint(2) });
const saved = table({
  near: list(message(1, table({ peer: string(1), saidNs: uint(2), values: list(float(3)) }))),
  values: list(float(2)),
  rounds: uint(3),
  asked: list(string(4)),
  silent: list(message(5, counted)),
  answered: list(message(6, counted)),
  sampling: bytes(7),
  answers: bytes(8),
});
