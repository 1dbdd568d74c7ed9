// What gossip overlays have in common: each peer knows a few others of its class, its view, which it changes by messages on a
// timer; it is a selector over that view.

import type { DataValue, ProtocolDeclaration } from '../../ir/index.ts';
import type { Random } from '../../ir/random.ts';
import type {
  ComponentContext,
  MessageSchemas,
  NodeCall,
  NodeComponent,
  Received,
} from '../../runtime/index.ts';
import { countOf, strings, stringsOf } from '../tensors.ts';
import { Answers } from './answers.ts';

/** What a program may ask of an overlay besides peers. */
export const overlay = {
  methods: {
    /** Begins anew with these, and what it knows already: to enter by peers that are known to be there. */
    Join: {
      kind: 'update',
      inputs: [{ name: 'contacts', dtype: 'string', shape: ['K'] }],
      options: {},
      outputs: [],
    },
    /** They did not answer: they leave the view. */
    Missed: {
      kind: 'update',
      inputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
      options: {},
      outputs: [],
    },
    /** All of the view, those first that would be chosen first, if there is an order. */
    View: {
      kind: 'query',
      inputs: [],
      options: {},
      outputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
    },
  },
} as const satisfies ProtocolDeclaration;

export interface OverlayOptions {
  /** Whose members know each other; this peer is one of them. */
  readonly class: string;
  /** From one round to the next, in ms. */
  readonly everyMs?: number;
  /** Members, drawn at random, that a peer begins with, and again where it knows nobody any more. */
  readonly contacts?: number;
}

export const overlayDefaults = { everyMs: 1000, contacts: 3 } as const;

/** One for all nodes that run a program: they share the list. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

function setOf(members: readonly string[]): ReadonlySet<string> {
  const known = sets.get(members) ?? new Set(members);
  sets.set(members, known);
  return known;
}

/** So many of the list, each once, each choice equally likely, in random order; all where it has no more. */
export function sample<T>(of: readonly T[], count: number, random: Random): T[] {
  const left = [...of];
  const taken = Math.min(count, left.length);
  for (let at = 0; at < taken; at++) {
    const other = at + random.below(left.length - at);
    [left[at], left[other]] = [left[other]!, left[at]!];
  }
  return left.slice(0, taken);
}

/** What one peer may make another do in one round: floods come to nothing. */
export class Quota {
  readonly #most: number;
  readonly #used = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** False: it has had what there is. */
  take(what: string): boolean {
    const used = this.#used.get(what) ?? 0;
    if (used >= this.#most) return false;
    this.#used.set(what, used + 1);
    return true;
  }

  clear(): void {
    this.#used.clear();
  }

  get used(): [what: string, times: number][] {
    return [...this.#used];
  }

  set used(used: readonly (readonly [what: string, times: number])[]) {
    this.#used.clear();
    for (const [what, times] of used) this.#used.set(what, times);
  }
}

/** What others of its node see of an overlay: whom it knows now. */
export interface PeerView<M extends MessageSchemas = MessageSchemas> extends NodeComponent<M> {
  readonly view: readonly string[];
}

export abstract class Overlay<M extends MessageSchemas> implements PeerView<M> {
  readonly roles = ['peer_selector', 'protocol'] as const;
  readonly declaration: ProtocolDeclaration = overlay;
  abstract readonly messages: M;
  protected readonly class: string;
  protected readonly everyNs: number;
  protected readonly contacts: number;
  protected readonly answers = new Answers();

  constructor({
    class: name,
    everyMs = overlayDefaults.everyMs,
    contacts = overlayDefaults.contacts,
  }: OverlayOptions) {
    this.class = name;
    this.everyNs = everyMs * 1e6;
    this.contacts = contacts;
  }

  /** Whom it knows; where they have an order, in that. */
  abstract get view(): readonly string[];
  protected abstract join(contacts: readonly string[], cx: ComponentContext<M>): void;
  protected abstract forget(peer: string): void;
  protected abstract round(cx: ComponentContext<M>): void;
  abstract message(received: Received<M>, cx: ComponentContext<M>): void;
  abstract save(): Uint8Array;
  abstract restore(bytes: Uint8Array): void;

  /** At most so many of the view, for a flow. */
  protected choose(count: number, random: Random): readonly string[] {
    return sample(this.view, count, random);
  }

  start(cx: ComponentContext<M>): void {
    const members = cx.members(this.class);
    if (members.length === 0) throw new Error(`there is no class ${this.class}`);
    if (!setOf(members).has(cx.peer)) throw new Error(`${cx.peer} is no ${this.class}`);
    // Not all at once.
    cx.wakeAt(cx.now + cx.random.below(Math.min(this.everyNs, 2 ** 32 - 1)));
  }

  wake(cx: ComponentContext<M>): void {
    cx.wakeAt(cx.now + this.everyNs);
    this.round(cx);
  }

  call({ method, options, inputs }: NodeCall, cx: ComponentContext<M>): readonly DataValue[] {
    switch (method) {
      case 'Select':
        return [strings(this.#select(options, countOf(inputs[0], 'count'), cx))];
      case 'Join':
        this.join(this.others(stringsOf(inputs[0], 'contacts'), cx), cx);
        return [];
      case 'Missed':
        for (const peer of stringsOf(inputs[0], 'peers')) this.forget(peer);
        return [];
      default:
        return [strings(this.answers.once(cx.random, () => this.view))];
    }
  }

  #select(
    { class: name = '', self }: NodeCall['options'],
    count: number,
    cx: ComponentContext<M>,
  ): readonly string[] {
    if (name !== this.class) throw new Error(`its view is of the class ${this.class}, not of ${name}`);
    return this.answers.once(cx.random, () => {
      const among = this.choose(count, cx.random);
      if (self !== 'yes' || count === 0) return among;
      // It is as likely to be chosen as any other.
      const at = cx.random.below(this.view.length + 1);
      return at < count ? [...among.slice(0, at), cx.peer, ...among.slice(at)].slice(0, count) : among;
    });
  }

  /** Those that are other members of the class, each once. */
  protected others(peers: readonly string[], cx: ComponentContext<M>): readonly string[] {
    const known = setOf(cx.members(this.class));
    return [...new Set(peers)].filter((one) => one !== cx.peer && known.has(one));
  }

  protected isOther(peer: string, cx: ComponentContext<M>): boolean {
    return peer !== cx.peer && setOf(cx.members(this.class)).has(peer);
  }

  /** Members to begin with. */
  protected strangers(cx: ComponentContext<M>): readonly string[] {
    const members = cx.members(this.class);
    const wanted = Math.min(this.contacts, members.length - 1);
    const found = new Set<string>();
    while (found.size < wanted) {
      const one = members[cx.random.below(members.length)]!;
      if (one !== cx.peer) found.add(one);
    }
    return [...found];
  }
}
