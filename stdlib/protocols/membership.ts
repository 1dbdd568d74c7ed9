// A membership registry: members announce themselves to the registrars, who know each for so long, and give views, the
// ordered list of a class's members as of now. Whoever is silent for longer than its time to live is not in them.
//
// Announcements are soft state: nobody acknowledges, the next one mends a lost one. The view's number grows with every
// change, so that a joint flow can be of one view.

import type { DataValue, ProtocolDeclaration } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent, Received } from '../../runtime/index.ts';
import { decode, encode, list, message, string, table, uint } from '../../runtime/proto/codec.ts';
import { int64, strings, stringsOf } from '../tensors.ts';

/** What a program may ask, and which events start its flows. */
export const membership = {
  methods: {
    /** Announces this peer, now and until it leaves, to the registrars. */
    Join: {
      kind: 'update',
      inputs: [{ name: 'registrars', dtype: 'string', shape: ['R'] }],
      options: {},
      outputs: [],
    },
    /** Stops announcing, and says so. */
    Leave: {
      kind: 'update',
      inputs: [{ name: 'registrars', dtype: 'string', shape: ['R'] }],
      options: {},
      outputs: [],
    },
    /** At a registrar: who is there now, in the class's order, and the view's number. */
    View: {
      kind: 'query',
      inputs: [],
      options: { class: [] },
      outputs: [
        { name: 'members', dtype: 'string', shape: ['N'] },
        { name: 'view', dtype: 'int64', shape: [] },
      ],
    },
  },
  events: {
    /** At a registrar. */
    joined: [{ name: 'peer', dtype: 'string', shape: [1] }],
    left: [{ name: 'peer', dtype: 'string', shape: [1] }],
  },
} as const satisfies ProtocolDeclaration;

const messages = {
  announce: table({ ttlMs: uint(1) }),
  leave: table({}),
};
type Messages = typeof messages;
type Context = ComponentContext<Messages>;

export interface MembershipOptions {
  /** How long an announcement holds, in ms. Default: 30,000. */
  readonly ttlMs?: number;
  /** How often a member announces itself, in ms. Default: a third of that. */
  readonly everyMs?: number;
}

/** Members that one registrar knows at most; it hears nobody beyond them. */
const MOST_MEMBERS = 100_000;

export const membershipRegistry = (options: MembershipOptions = {}): NodeComponent<Messages> =>
  new Registry(options);

class Registry implements NodeComponent<Messages> {
  readonly roles = ['protocol'] as const;
  readonly declaration = membership;
  readonly messages = messages;
  readonly #ttlMs: number;
  readonly #everyNs: number;
  /** To whom this peer announces itself. */
  #registrars: readonly string[] = [];
  #nextNs = 0;
  /** By peer: until when it counts as there. */
  #members = new Map<string, number>();
  #view = 0;

  constructor({ ttlMs = 30_000, everyMs = ttlMs / 3 }: MembershipOptions) {
    this.#ttlMs = ttlMs;
    this.#everyNs = Math.round(everyMs * 1e6);
  }

  call({ method, inputs, options }: NodeCall, cx: Context): readonly DataValue[] {
    if (method === 'View') return this.#viewOf(options.class ?? '', cx);
    const registrars = stringsOf(inputs[0], 'registrars');
    if (method === 'Leave') {
      this.#registrars = this.#registrars.filter((one) => !registrars.includes(one));
      for (const one of registrars) cx.send(one, 'leave', {});
      return [];
    }
    this.#registrars = [...new Set([...this.#registrars, ...registrars])];
    this.#announce(cx);
    return [];
  }

  message({ from, kind, body }: Received<Messages>, cx: Context): void {
    if (kind === 'leave') return this.#remove(from, cx);
    const { ttlMs } = body as { readonly ttlMs: number };
    const isNew = !this.#members.has(from);
    if (isNew && this.#members.size >= MOST_MEMBERS) return;
    this.#members.set(from, cx.now + ttlMs * 1e6);
    cx.wakeAt(cx.now + ttlMs * 1e6);
    if (!isNew) return;
    this.#view++;
    cx.raise('joined', { peer: strings([from]) });
  }

  wake(cx: Context): void {
    for (const [peer, until] of this.#members) if (until <= cx.now) this.#remove(peer, cx);
    for (const until of this.#members.values()) cx.wakeAt(until);
    if (this.#registrars.length === 0) return;
    if (this.#nextNs <= cx.now) this.#announce(cx);
    else cx.wakeAt(this.#nextNs);
  }

  #announce(cx: Context): void {
    for (const one of this.#registrars) cx.send(one, 'announce', { ttlMs: this.#ttlMs });
    this.#nextNs = cx.now + this.#everyNs;
    cx.wakeAt(this.#nextNs);
  }

  #remove(peer: string, cx: Context): void {
    if (!this.#members.delete(peer)) return;
    this.#view++;
    cx.raise('left', { peer: strings([peer]) });
  }

  #viewOf(name: string, cx: Context): readonly DataValue[] {
    const present = cx.members(name).filter((one) => (this.#members.get(one) ?? 0) > cx.now);
    return [strings(present), int64(this.#view)];
  }

  save(): Uint8Array {
    return encode(saved, {
      registrars: this.#registrars,
      nextNs: this.#nextNs,
      members: [...this.#members].map(([peer, untilNs]) => ({ peer, untilNs })),
      view: this.#view,
    });
  }

  restore(bytes: Uint8Array): void {
    const { registrars, nextNs, members, view } = decode(saved, bytes);
    this.#registrars = registrars;
    this.#nextNs = nextNs;
    this.#members = new Map(members.map(({ peer, untilNs }) => [peer, untilNs]));
    this.#view = view;
  }
}

const saved = table({
  registrars: list(string(1)),
  nextNs: uint(2),
  members: list(message(3, table({ peer: string(1), untilNs: uint(2) }))),
  view: uint(4),
});
