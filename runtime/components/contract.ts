// Components within a node: plug-in objects that it calls, one call after the other. They have no clock, no chance
// and no network of their own: all of that comes from the context of a call, so that a node with its components is
// one state machine, which can be saved, restored and replayed.

import type { DataValue } from '../../ir/data.ts';
import type { Port, Slot } from '../../ir/deployment.ts';
import type { Random } from '../../ir/random.ts';
import type { MethodKind, ProtocolDeclaration } from '../../ir/roles/declaration.ts';
import type { RoleName } from '../../ir/roles/table.ts';
import type { Message, MessageInit, Table } from '../proto/codec.ts';
import type { MissingReason } from '../value.ts';

/** A component's own messages to its like at other peers, by kind. */
export type MessageSchemas = Readonly<Record<string, Table<unknown>>>;

/** One call of a method, as ir/roles declares it. Inputs are only to be read, and only during the call. */
export interface NodeCall {
  readonly role: RoleName;
  readonly method: string;
  readonly kind: MethodKind;
  readonly options: Readonly<Record<string, string>>;
  readonly inputs: readonly DataValue[];
  /** What it must give, in order. */
  readonly results: readonly Port[];
}

/** What an ask that answers later returns. */
export class Later {
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
}

/** A message of another peer's component of this name. */
export type Received<M extends MessageSchemas = MessageSchemas> = {
  [Kind in keyof M & string]: {
    readonly from: string;
    readonly kind: Kind;
    readonly body: Message<M[Kind]>;
    /** What the sender's question was numbered with; 0: nothing. */
    readonly correlation: number;
  };
}[keyof M & string];

export interface ComponentContext<M extends MessageSchemas = MessageSchemas> {
  /** This peer's id. */
  readonly peer: string;
  /** In ns, on a clock that never goes back. */
  readonly now: number;
  /** In a query: the same draws whenever this op of this flow asks. Else: goes on where the last call left off. */
  readonly random: Random;
  /** Members of a class, in order, as this peer sees it now; none of a class that is not there. */
  members(name: string): readonly string[];
  /** Calls `wake` at `ns`, or soon after; the earliest of several counts. */
  wakeAt(ns: number): void;
  send<Kind extends keyof M & string>(
    to: string,
    kind: Kind,
    body: MessageInit<Message<M[Kind]>>,
    correlation?: number,
  ): void;
  /** Tells of an event that the component declares; entries that it triggers start with these values. */
  raise(event: string, values?: Readonly<Record<string, DataValue>>): void;
  /** In an ask: what to return if the answer comes later. Its id is for `answer` and `decline`. */
  later(): Later;
  answer(id: number, outputs: readonly DataValue[]): void;
  /** The ask has no answer; its results are missing. */
  decline(id: number, detail: string, reason?: MissingReason): void;
  /** Another component of this node, undefined if there is none of that name. */
  component(name: string): NodeComponent | undefined;
}

export interface NodeComponent<M extends MessageSchemas = MessageSchemas> {
  /** Those that it satisfies, all over one state. */
  readonly roles: readonly RoleName[];
  /** Of a protocol: its methods and events. */
  readonly declaration?: ProtocolDeclaration;
  readonly messages?: M;
  /** What stands against its filling the slot; undefined: nothing. */
  misfit?(slot: Slot): string | undefined;
  /**
   * Results in the order of the method's outputs; their buffers are given away, so none is an input's; an update gives
   * none. Throws an Error
   * that says what failed, having changed nothing: the results are then missing, `failed`, with its message.
   */
  call(call: NodeCall, cx: ComponentContext<M>): readonly DataValue[] | Later;
  message?(received: Received<M>, cx: ComponentContext<M>): void;
  wake?(cx: ComponentContext<M>): void;
  /** Once, before anything else of a component that is not restored. */
  start?(cx: ComponentContext<M>): void;
  /** All of its state, of a version of its own. Absent: it has none. */
  save?(): Uint8Array;
  /** Throws an Error where the bytes are none of its own. */
  restore?(bytes: Uint8Array): void;
}

/** By name. */
export type NodeComponents = Readonly<Record<string, NodeComponent>>;
