// Between a node and the components within it: takes what the engine would ask of the host, and gives the answers back.

import type { DataValue } from '../../ir/data.ts';
import { ownIn } from '../../ir/own.ts';
import { seatKey } from '../flow.ts';
import type { HostWork } from '../host-work.ts';
import type { Limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import type { Work } from '../outlet.ts';
import type { Starts } from '../starts.ts';
import type { Courier, PackedFrame } from '../wire/courier.ts';
import { Container, type ControlMessage } from './container.ts';
import type { NodeComponent, NodeComponents } from './contract.ts';

/** What a desk needs of its node. */
export interface DeskAround {
  readonly peer: string;
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly courier: Pick<Courier, 'packControl'>;
  /** By entry. */
  readonly starts: ReadonlyMap<string, Pick<Starts, 'raise'>>;
  work(): HostWork;
  /** A frame leaves. */
  post(frame: PackedFrame): void;
}

/** The components of a node; a node without any carries none of this. */
export type DeskMaker = (around: DeskAround) => ComponentDesk;

export type Code = Container['code'];

interface Call {
  readonly work: Work;
  readonly inputs: readonly DataValue[];
  readonly transfer: readonly ArrayBuffer[];
}

/**
 * Components for a node, by name: what makes them, since a node that is restored needs new ones. What they are given comes
 * from the node alone; `seed`, with the peer's id and their names, is where their chance comes from.
 */
export const nodeComponents =
  (makers: Readonly<Record<string, () => NodeComponent>>, seed = 0n): DeskMaker =>
  (around) => {
    const made = Object.entries(makers).map(([name, make]) => [name, make()] as const);
    return new ComponentDesk(Object.fromEntries(made), seed, around);
  };

export class ComponentDesk {
  readonly #around: DeskAround;
  readonly #container: Container;
  readonly #components: NodeComponents;
  /** One after the other, and never from within the engine. */
  readonly #calls: Call[] = [];

  constructor(components: NodeComponents, seed: bigint, around: DeskAround) {
    const { peer, members, limits, outbox } = around;
    this.#around = around;
    this.#components = components;
    const of = (name: string): readonly string[] => ownIn(members, name) ?? [];
    this.#container = new Container(
      { peer, seed, components, members: of, limits },
      {
        send: (to, message) => this.#send(to, message),
        raise: (component, event, values) => {
          outbox.event({ kind: 'component-event', component, event, values });
          for (const starts of around.starts.values()) starts.raise(component, event, values);
        },
        answered: (work, outputs) => around.work().done(work, outputs),
        declined: (work, reason, detail) => around.work().failed(work, reason, detail),
        dropped: (reason, from, what) => outbox.drop(reason, from, what),
        broke: (component, message) => outbox.event({ kind: 'component-failed', component, message }),
      },
    );
  }

  has(name: string): boolean {
    return this.#container.has(name);
  }

  get(name: string): NodeComponent | undefined {
    return this.#components[name];
  }

  /** {@link Container.code} */
  readonly code: Code = (...asked) => this.#container.code(...asked);

  get nextNs(): number {
    return this.#container.nextNs;
  }

  ask(work: Work, inputs: readonly DataValue[], transfer: readonly ArrayBuffer[]): void {
    this.#calls.push({ work, inputs, transfer });
  }

  forget(work: number): void {
    this.#container.forget(work);
  }

  message(from: string, message: ControlMessage): void {
    this.#container.message(from, message);
  }

  advance(now: number): void {
    this.#container.advance(now);
  }

  /** Makes the calls that wait, and those that they cause. False: there were none. */
  drain(): boolean {
    if (this.#calls.length === 0) return false;
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) this.#call(call);
    return true;
  }

  save(): Uint8Array {
    return this.#container.save();
  }

  restore(saved: Uint8Array): void {
    this.#container.restore(saved);
  }

  #send(to: string, message: ControlMessage): void {
    const { courier, outbox, post } = this.#around;
    const frames = courier.packControl(to, message);
    if (frames === undefined) outbox.drop('binding', to, `${message.component} writes to who is no peer`);
    else for (const frame of frames) post(frame);
  }

  #call({ work: { id, flow, call }, inputs, transfer }: Call): void {
    if (call.kind !== 'call') return;
    const { component, role, method, effect, options, results, name } = call;
    const origin = `${seatKey(flow.id, flow.seat)} ${name}`;
    this.#container.call(component, id, origin, { role, method, kind: effect, options, inputs, results });
    for (const buffer of transfer) this.#around.outbox.put({ type: 'release', buffer });
  }
}
