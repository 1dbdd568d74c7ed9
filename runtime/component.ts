// What a host asks of a component: plug-in objects that satisfy a role, such as the data a peer has.

import type { DataValue, Port, RoleName, Slot } from '../ir/index.ts';
import type { NodeComponent } from './components/contract.ts';

/** One call of a method, as ir/roles.ts declares it. */
export interface ComponentCall {
  readonly method: string;
  readonly options: Readonly<Record<string, string>>;
  readonly inputs: readonly DataValue[];
  /** What it must give, in order. */
  readonly results: readonly Port[];
}

export interface Component {
  readonly role: RoleName;
  /** What stands against its filling the slot; undefined: nothing. */
  misfit(slot: Slot): string | undefined;
  /**
   * Rejects with an Error that says what failed; the results are then missing, `failed`, with its message. Buffers of
   * the results belong to the caller. A query gives the same for the same inputs.
   */
  call(call: ComponentCall): Promise<readonly DataValue[]>;
}

/** By name. Those within the node are given as what makes them, since a node that starts again needs new ones. */
export type Components = Readonly<Record<string, Component | (() => NodeComponent)>>;
