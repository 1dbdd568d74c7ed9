// The components of a node, by name, for all of its programs: gives each call its context, and keeps what belongs to
// no component itself: wake-ups, asks without an answer, how far chance has been drawn.

import { type DataValue, isTensor } from '../../ir/data.ts';
import { ownIn } from '../../ir/own.ts';
import { foldKey, hashName, keyOf, type PhiloxBlock, type PhiloxKey } from '../../ir/philox.ts';
import { Random } from '../../ir/random.ts';
import type { Tensor } from '../../ir/types.ts';
import { NEVER } from '../deadlines.ts';
import { bytesOf } from '../following.ts';
import type { Limits } from '../limits.ts';
import {
  bytes,
  decode,
  double,
  encode,
  list,
  message,
  optional,
  string,
  table,
  uint,
} from '../proto/codec.ts';
import { type MissingReason, messageOf, type ValueLimits } from '../value.ts';
import {
  type ComponentContext,
  Later,
  type NodeCall,
  type NodeComponent,
  type NodeComponents,
} from './contract.ts';
import { bodyOf, Rates, typeHashOf } from './messages.ts';

/** Where a component's draws are; the last word sets them apart from others of the same key. */
const counterOf = (block: number): PhiloxBlock => [block >>> 0, Math.floor(block / 2 ** 32), 0, 0x636f6d70];

export type ContainerLimits = ValueLimits &
  Pick<Limits, 'pendingAsks' | 'controlMessages' | 'controlBytes' | 'controlSends' | 'eventBytes'>;

export interface ContainerOptions {
  readonly peer: string;
  /** What the components' chance comes from, besides the peer's id and their names. */
  readonly seed: bigint;
  readonly components: NodeComponents;
  readonly members: (peerClass: string) => readonly string[];
  readonly limits: ContainerLimits;
}

/** A message of a component to its like at another peer. */
export interface ControlMessage {
  readonly component: string;
  readonly kind: string;
  readonly typeHash: bigint;
  readonly body: Uint8Array;
  readonly correlation: number;
}

/** What a container asks of the node around it. */
export interface ContainerOutlet {
  send(to: string, message: ControlMessage): void;
  raise(component: string, event: string, values: Readonly<Record<string, DataValue>>): void;
  answered(work: number, outputs: readonly DataValue[]): void;
  declined(work: number, reason: MissingReason, detail: string): void;
  /** A message that came to nothing. */
  dropped(reason: 'limit' | 'type' | 'malformed' | 'unsupported', from: string, what: string): void;
  /** A component threw where nobody waits for an answer. */
  broke(component: string, what: string): void;
}

interface Held {
  readonly name: string;
  readonly component: NodeComponent;
  readonly key: PhiloxKey;
  started: boolean;
  /** Blocks drawn outside of queries. */
  block: number;
  wakeNs: number | undefined;
  /** Asks without an answer: the node's work, by its id. */
  readonly pending: Set<number>;
}

const savedTable = table({
  components: list(
    message(
      1,
      table({
        name: string(1),
        state: optional(bytes(2)),
        block: uint(3),
        wakeNs: optional(uint(4)),
        pending: list(uint(5)),
        started: uint(6),
      }),
    ),
  ),
  rates: list(message(2, table({ peer: string(1), left: double(2), atNs: uint(3) }))),
  nowNs: uint(3),
});

export class Container {
  readonly #held = new Map<string, Held>();
  readonly #options: ContainerOptions;
  readonly #outlet: ContainerOutlet;
  readonly #rates: Rates;
  #now = 0;

  constructor(options: ContainerOptions, outlet: ContainerOutlet) {
    this.#options = options;
    this.#outlet = outlet;
    this.#rates = new Rates(options.limits.controlMessages);
    const own = foldKey(keyOf(options.seed), hashName(options.peer));
    for (const [name, component] of Object.entries(options.components)) {
      const key = foldKey(own, hashName(name));
      const state = { started: false, block: 0, wakeNs: undefined, pending: new Set<number>() };
      this.#held.set(name, { name, component, key, ...state });
    }
  }

  has(name: string): boolean {
    return this.#held.has(name);
  }

  /** When it wants to be advanced. */
  get nextNs(): number {
    let next = NEVER;
    for (const { wakeNs, started } of this.#held.values()) {
      if (!started) return this.#now;
      next = Math.min(next, wakeNs ?? NEVER);
    }
    return next;
  }

  /** Starts components that have not been, and wakes whom it is time for. */
  advance(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (const held of this.#held.values()) {
      if (!held.started) {
        held.started = true;
        this.#tell(held, (cx) => held.component.start?.(cx));
      }
      if (held.wakeNs === undefined || held.wakeNs > this.#now) continue;
      held.wakeNs = undefined;
      this.#tell(held, (cx) => held.component.wake?.(cx));
    }
  }

  /** Answers by `answered` or `declined`, at once or later. `origin` tells calls apart, of all flows and ops. */
  call(name: string, work: number, origin: string, call: NodeCall): void {
    const held = this.#held.get(name)!;
    if (call.kind === 'ask' && held.pending.size >= this.#options.limits.pendingAsks)
      return this.#outlet.declined(
        work,
        'refused',
        `${name} has ${held.pending.size} asks without an answer`,
      );
    // A query's draws are its own, so that it gives the same whenever, and however often, it is asked.
    const key = call.kind === 'query' ? foldKey(held.key, hashName(origin)) : undefined;
    let asked = false;
    const later = (): Later => {
      asked = true;
      held.pending.add(work);
      return new Later(work);
    };
    try {
      const given = this.#run(held, key, (cx) =>
        held.component.call(call, call.kind === 'ask' ? Object.assign(cx, { later }) : cx),
      );
      if (given instanceof Later) {
        if (!asked) throw new Error(`${name} may answer later only what is asked`);
        return;
      }
      held.pending.delete(work);
      this.#outlet.answered(work, given);
    } catch (error) {
      held.pending.delete(work);
      this.#outlet.declined(work, 'failed', messageOf(error));
    }
  }

  /** What a codec makes of a value that crosses an edge; or why it makes nothing of it. */
  code(name: string, method: 'Encode' | 'Decode', inputs: readonly DataValue[]): Tensor | string {
    const held = this.#held.get(name);
    if (held === undefined) return `there is no ${name} here`;
    const call = { role: 'codec', method, kind: 'query', options: {}, inputs, results: [] } as const;
    try {
      const given = this.#run(held, held.key, (cx) => held.component.call(call, cx));
      const [value] = given instanceof Later ? [] : given;
      return value !== undefined && isTensor(value) ? value : `${name} gives no tensor`;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Nobody waits for the answer any more. */
  forget(work: number): void {
    for (const { pending } of this.#held.values()) pending.delete(work);
  }

  message(from: string, { component: name, kind, typeHash, body, correlation }: ControlMessage): void {
    const drop = (reason: 'limit' | 'type' | 'malformed' | 'unsupported', why: string): void =>
      this.#outlet.dropped(reason, from, `message ${kind} for ${name}: ${why}`);
    const held = this.#held.get(name);
    const schemas = held?.component.messages;
    const schema = schemas && ownIn(schemas, kind);
    if (held === undefined || schema === undefined || held.component.message === undefined)
      return drop('unsupported', 'nothing here takes it');
    if (!this.#rates.take(from, this.#now)) return drop('limit', 'too many');
    if (body.length > this.#options.limits.controlBytes) return drop('limit', `${body.length} bytes`);
    if (typeHash !== typeHashOf(schema)) return drop('type', 'it is declared otherwise there');
    const read = bodyOf(schema, body);
    if (typeof read === 'string') return drop('malformed', read);
    this.#tell(held, (cx) => held.component.message!({ from, kind, body: read as never, correlation }, cx));
  }

  save(): Uint8Array {
    return encode(savedTable, {
      components: [...this.#held.values()].map(({ name, component, block, wakeNs, pending, started }) => ({
        name,
        state: component.save?.(),
        block,
        wakeNs,
        pending: [...pending],
        started: started ? 1 : 0,
      })),
      rates: [...this.#rates.buckets],
      nowNs: this.#now,
    });
  }

  /** Throws an Error where the bytes are not of these components. */
  restore(saved: Uint8Array): void {
    const { components, rates, nowNs } = decode(savedTable, saved);
    this.#now = nowNs;
    for (const bucket of rates) this.#rates.put(bucket!);
    for (const { name, state, block, wakeNs, pending, started } of components) {
      const held = this.#held.get(name);
      if (held === undefined) throw new Error(`there is no component ${name} any more`);
      if (state !== undefined && held.component.restore === undefined)
        throw new Error(`component ${name} cannot be restored`);
      if (state !== undefined) held.component.restore!(state);
      Object.assign(held, { block, wakeNs, started: started === 1 });
      held.pending.clear();
      for (const work of pending) held.pending.add(work);
    }
  }

  #tell(held: Held, body: (cx: ComponentContext) => void): void {
    try {
      this.#run(held, undefined, body);
    } catch (error) {
      this.#outlet.broke(held.name, messageOf(error));
    }
  }

  #run<R>(held: Held, key: PhiloxKey | undefined, body: (cx: ComponentContext) => R): R {
    const random =
      key === undefined ? new Random(held.key, counterOf, held.block) : new Random(key, counterOf);
    try {
      return body(this.#context(held, random));
    } finally {
      if (key === undefined) held.block = random.block;
    }
  }

  #context(held: Held, random: Random): ComponentContext {
    const { peer, members, limits } = this.#options;
    const outlet = this.#outlet;
    const now = this.#now;
    let told = 0;
    const isOver = (what: string, bytes: number, most: number): boolean => {
      const over = ++told > limits.controlSends || bytes > most;
      if (over) outlet.dropped('limit', peer, `${what} for ${held.name}: ${bytes} bytes, ${told} at once`);
      return over;
    };
    const settle = (id: number, tell: () => void): void => {
      // What is late, or was given up, waits for nothing.
      if (held.pending.delete(id)) tell();
    };
    return {
      peer,
      now,
      random,
      members,
      // Later than now, or a component could keep its node from everything else.
      wakeAt: (ns) => {
        const at = Math.ceil(Math.max(ns, now + 1));
        held.wakeNs = Math.min(held.wakeNs ?? at, at);
      },
      send: (to, kind, body, correlation = 0) => {
        const schema = held.component.messages?.[kind];
        if (schema === undefined) throw new Error(`${held.name} declares no message ${kind}`);
        const bytes = encode(schema, body as object);
        const typeHash = typeHashOf(schema);
        if (!isOver(`message ${kind}`, bytes.length, limits.controlBytes))
          outlet.send(to, { component: held.name, kind, typeHash, correlation, body: bytes });
      },
      raise: (event, values = {}) => {
        if (!isOver(`event ${event}`, bytesOf(values, limits), limits.eventBytes))
          outlet.raise(held.name, event, values);
      },
      later: () => {
        throw new Error(`${held.name} may answer later only what is asked`);
      },
      answer: (id, outputs) => settle(id, () => outlet.answered(id, outputs)),
      decline: (id, detail, reason = 'declined') => settle(id, () => outlet.declined(id, reason, detail)),
      component: (name) => this.#held.get(name)?.component,
    };
  }
}
