// What the node asks of its network, if it is given one: an option, so that a program without it carries none of it.

import type { Flow } from '../flow.ts';
import type { FlowId } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { Leases } from '../lease.ts';
import type { Limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import type { Envelope, EnvelopeInit, ErrorCode } from '../wire/envelope.ts';
import type { Payload } from '../wire/frame.ts';

/** What the network knows of its node. */
export interface NetworkContext {
  readonly peer: string;
  readonly incarnation: number;
  readonly program: Program;
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly leases: Leases;
  /** Open here, by their key. */
  readonly flows: ReadonlyMap<string, Flow>;
  /** Tells a peer of an error, once. */
  tell(peer: string, error: ErrorNews): void;
}

export interface ErrorNews {
  readonly code: ErrorCode;
  readonly message: string;
  readonly edge?: number;
}

/** `saved`: what {@link Network.save} gave, to go on from there. */
export type NetworkFactory = (context: NetworkContext, saved?: unknown) => Network;

export type Change =
  /** A peer that was given up, or was and may be there again. */
  | { readonly peer: string; readonly lost: boolean }
  /** Waits of a flow whose result nobody waits for any more. */
  | { readonly flow: Flow; readonly waits: readonly number[] };

/** An envelope to one peer, without what the network adds. */
export interface Parcel {
  readonly envelope: EnvelopeInit;
  readonly payloads: readonly Payload[];
  /** For accounts, and for the time that is left. */
  readonly flow?: FlowId | undefined;
  /** Of the plan. */
  readonly number?: number | undefined;
}

export interface PolicyLists {
  readonly block?: readonly string[];
  readonly allow?: readonly string[];
}

export interface Network {
  /** The time from now on. */
  advance(now: number): readonly Change[];
  /** When it wants to be told the time. */
  readonly next: number;
  /** Whether frames of a peer are let in at all. */
  admits(peer: string): boolean;
  /** Memory of its own for what several peers get, counted once. */
  share(payloads: readonly Payload[]): SharedPayloads | undefined;
  /** Sends now, later and again; only once what has no memory here. */
  send(to: string, parcel: Parcel, shared: SharedPayloads | undefined): void;
  /** Takes what concerns the link; false: the rest of it must go nowhere. */
  receive(from: string, envelope: Envelope): boolean;
  policy(lists: PolicyLists): void;
  /** The transport has found a peer again: what it has not acknowledged leaves at once. */
  found(peer: string): void;
  /** When a wait of a flow becomes useless, since whom it serves has stopped waiting; infinite: not as far as is known. */
  uselessNs(flow: Flow, wait: number): number;
  /** Peers that have not acknowledged something of a flow. */
  owed(flow: FlowId): readonly string[];
  /** How an edge between us and a peer is here. */
  describe(peer: string, edge: number): string;
  readonly counters: NetworkCounters;
  /** All of it, to be given back to its factory. Only numbers, strings, bytes, lists and plain objects. */
  save(): unknown;
}

export interface SharedPayloads {
  readonly payloads: readonly Payload[];
  hold(): void;
  drop(): void;
}

/** Since the node began. */
export interface NetworkCounters {
  readonly sent: number;
  /** Frames sent again. */
  readonly resent: number;
  /** Frames with nothing for a flow: acknowledgements, probes, greetings. */
  readonly control: number;
  readonly received: number;
  readonly duplicates: number;
  /** Frames given up: never acknowledged, or without room to wait in. */
  readonly givenUp: number;
  /** Frames sent once and not kept, for want of memory. */
  readonly unkept: number;
  /** Frames of peers that are blocked or in cooldown. */
  readonly shut: number;
}
