// Between the engine and the node around it.

import type { DataValue } from '../ir/data.ts';
import type { Collected } from './collect.ts';
import type { Flow } from './flow.ts';
import type { Call, Next } from './instruction.ts';
import type { Lease, Slot } from './lease.ts';

/** What the engine asks of the node around it. */
export interface EngineOutlet {
  /** Starts a segment, or asks a component; ends with `finish` or `fail`. */
  start(work: Work, inputs: readonly DataValue[], transfer: readonly ArrayBuffer[]): void;
  /** Nobody needs what it would give. */
  abort(work: Work): void;
  /** All sends of an envelope are there. `recipients`: of each, the set that it is for, or whom a scatter's rows are for; else empty. */
  ship(
    flow: Flow,
    envelope: number,
    values: readonly Slot[],
    recipients: readonly (Slot | undefined)[],
  ): void;
  output(flow: Flow, name: string, value: Slot): void;
  /** The set of a wait is known. */
  bound(flow: Flow, index: number): void;
  /** A collect has closed. */
  collected(flow: Flow, index: number, result: Collected): void;
  /** The session goes on with another flow, or another begins. Its arguments are held for it. */
  next(flow: Flow, op: Next, given: readonly Slot[]): void;
  ended(flow: Flow): void;
  /** Of a state with too many values the oldest has gone. */
  evicted(): void;
}

export interface Work {
  readonly id: number;
  readonly flow: Flow;
  readonly index: number;
  readonly call: Call;
  /** Undefined: they were given away. */
  readonly inputs: readonly DataValue[] | undefined;
  /** Leases to drop when it is over. */
  readonly holds: readonly Lease[];
}
