// What is committed of state variables. Of some a member has one for each session, or for each peer that starts flows
// here: these have keys of their own, as many as fit.

import type { DataValue } from '../ir/data.ts';
import type { Flow } from './flow.ts';
import { type FlowId, flowKey } from './flow-id.ts';
import type { SeatProgram } from './instruction.ts';
import type { Held, Leases } from './lease.ts';

/** Stands between the key of a variable and whose it is; in no key. */
const OF = '\n';

/** Values of one variable, of as many sessions or peers. */
const MAX_SCOPED = 1024;

/** The key under which a flow finds a variable. */
export function keyIn({ seat, session, id }: Pick<Flow, 'seat' | 'session' | 'id'>, key: string): string {
  const scope = seat.scopes.get(key);
  if (scope === undefined) return key;
  if (scope === 'session') return `${key}${OF}${flowKey(session)}`;
  return `${key}${OF}${id.kind === 'initiated' ? id.initiator : ''}`;
}

export const scopesOf = ({ state }: SeatProgram['manifest']): SeatProgram['scopes'] =>
  new Map(state.flatMap(({ key, scope }) => (scope === 'member' ? [] : [[key, scope]])));

export class Variables {
  readonly #leases: Leases;
  /** By key, what was assigned longest ago first. */
  readonly committed = new Map<string, Held>();

  readonly #evicted: () => void;

  constructor(leases: Leases, evicted: () => void) {
    this.#leases = leases;
    this.#evicted = evicted;
  }

  /** By key; not those that sessions or peers have each. */
  get values(): ReadonlyMap<string, DataValue> {
    const own = [...this.committed].filter(([key]) => !key.includes(OF));
    return new Map(own.map(([key, { data }]) => [key, data]));
  }

  /** Takes over the value. */
  assign(key: string, value: Held): void {
    this.#forget(key);
    this.committed.set(key, value);
    if (key.includes(OF)) this.#bound(key.slice(0, key.indexOf(OF) + 1));
  }

  /** Of a variable with too many values that goes which was assigned longest ago. */
  #bound(variable: string): void {
    let [oldest, count]: [string | undefined, number] = [undefined, 0];
    for (const key of this.committed.keys()) {
      if (!key.startsWith(variable)) continue;
      oldest ??= key;
      count++;
    }
    if (count <= MAX_SCOPED) return;
    this.#forget(oldest!);
    this.#evicted();
  }

  #forget(key: string): void {
    const old = this.committed.get(key);
    if (old === undefined) return;
    this.committed.delete(key);
    this.#leases.drop(old);
  }

  /** No flow of the session comes any more: what it had of its own goes. */
  endSession(session: FlowId): void {
    const end = `${OF}${flowKey(session)}`;
    for (const key of this.committed.keys()) if (key.endsWith(end)) this.#forget(key);
  }
}
