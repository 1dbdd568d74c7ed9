// When fragments begin: each waits for what it reads and for those before it in its flow, then for what it claims. All of
// a bootstrap claim together, before anything else, until it is over.

import { type Claim, Claims } from './claims.ts';
import type { Flow } from './flow.ts';
import { isBootstrap } from './instruction.ts';
import type { Leases } from './lease.ts';
import { failed } from './value.ts';
import { keyIn, type Variables } from './variables.ts';

/** Stands for all fragments of a bootstrap, whose claims are one. */
const WHOLE = -1;

interface FragmentClaim extends Claim {
  readonly flow: Flow;
  readonly fragment: number;
}

/** Of a bootstrap, the flow itself has them. */
const keysOf = (flow: Flow, fragment: number): readonly string[] =>
  flow.holds === undefined ? flow.seat.fragments[fragment]!.claims.map((key) => keyIn(flow, key)) : [];

export class Gates {
  readonly claims = new Claims<FragmentClaim>();
  readonly #peer: string;
  readonly #leases: Leases;
  readonly #variables: Variables;
  /** One thing less that an instruction waits for. */
  readonly #notify: (flow: Flow, index: number) => void;
  /** Fragments that have what they claim, and have not begun. */
  #granted: FragmentClaim[] = [];

  constructor(
    peer: string,
    leases: Leases,
    variables: Variables,
    notify: (flow: Flow, index: number) => void,
  ) {
    this.#peer = peer;
    this.#leases = leases;
    this.#variables = variables;
    this.#notify = notify;
  }

  /** Nothing that a bootstrap's fragments claim is another's before it is over. */
  hold(flow: Flow): void {
    if (!isBootstrap(flow.seat)) return;
    flow.holds = [...new Set(flow.seat.fragments.flatMap((_, index) => keysOf(flow, index)))];
    for (const index of flow.gates.keys()) flow.gates[index]!++;
    this.#claim({ flow, fragment: WHOLE, keys: flow.holds });
  }

  /** A bootstrap is over: what it was for is there, or will not be. */
  end(flow: Flow): void {
    const { holds: keys, causes, seat } = flow;
    if (keys === undefined) return;
    const missing = failed(this.#peer, `bootstrap ${seat.entry} has failed`);
    if (causes.length > 0) for (const key of keys) this.claims.barred.set(key, missing);
    this.#granted.push(...this.claims.release({ flow, fragment: WHOLE, keys }));
  }

  /** Fragments that wait for nothing claim at once. */
  begin(flow: Flow): void {
    for (const [fragment, left] of flow.gates.entries()) if (left === 0) this.#claimOf(flow, fragment);
  }

  /** One thing less that a fragment waits for. */
  open(flow: Flow, fragment: number): void {
    if (--flow.gates[fragment]! === 0) this.#claimOf(flow, fragment);
  }

  #claimOf(flow: Flow, fragment: number): void {
    this.#claim({ flow, fragment, keys: keysOf(flow, fragment) });
  }

  #claim(claim: FragmentClaim): void {
    if (this.claims.request(claim)) this.#granted.push(claim);
  }

  /** Whether a fragment may begin that has not. */
  get areOpen(): boolean {
    return this.#granted.length > 0;
  }

  /** A fragment begins: its reads find what is committed now. False: none may. */
  enter(): boolean {
    const claim = this.#granted.shift();
    if (claim === undefined) return false;
    const { flow, fragment } = claim;
    if (fragment === WHOLE) {
      for (const index of flow.gates.keys()) this.open(flow, index);
      return true;
    }
    const { gated, writes, queries } = flow.seat.fragments[fragment]!;
    for (const index of gated) {
      const one = flow.seat.instructions[index]!;
      const committed =
        one.kind === 'stateRead' ? this.#variables.committed.get(keyIn(flow, one.key)) : undefined;
      if (committed !== undefined) {
        this.#leases.hold(committed);
        flow.found.set(index, committed);
      }
      this.#notify(flow, index);
    }
    // What it has read cannot change any more, so a fragment that only reads holds nobody up.
    if (!writes && !queries) this.leave(flow, fragment);
    return true;
  }

  /** A fragment is over: others get what it had claimed. */
  leave(flow: Flow, fragment: number): void {
    this.#granted.push(...this.claims.release({ flow, fragment, keys: keysOf(flow, fragment) }));
    for (const follower of flow.seat.fragments[fragment]!.followers) this.open(flow, follower);
  }
}
