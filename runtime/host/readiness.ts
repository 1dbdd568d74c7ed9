// Who is ready: each peer says so to those it is connected with, and passes on what it hears. A peer is ready when its
// segments are loaded and everybody it exchanges values with is connected; a flow may start when everybody is that can
// take part in it.

import type { Manifest } from '../../ir/deployment.ts';

/** What one peer says of itself; a later version replaces an earlier one. */
export interface PeerStatus {
  readonly peer: string;
  readonly incarnation: number;
  readonly version: number;
  readonly ready: boolean;
  /** With whom it exchanges values. */
  readonly neighbours: readonly string[];
}

/** Peers that `self` exchanges values with, by its manifest. */
export function neighboursOf({ edgesIn, edgesOut, members }: Manifest, self: string): readonly string[] {
  const classes = new Set([...edgesIn.map(({ from }) => from.class), ...edgesOut.map(({ to }) => to.class)]);
  const peers = new Set([...classes].flatMap((name) => members[name] ?? []));
  return [...peers].filter((peer) => peer !== self);
}

export class Readiness {
  readonly #self: string;
  readonly #members: ReadonlySet<string>;
  readonly #statuses = new Map<string, PeerStatus>();

  constructor(self: PeerStatus, members: ReadonlySet<string>) {
    this.#self = self.peer;
    this.#members = members;
    this.#statuses.set(self.peer, self);
  }

  get statuses(): readonly PeerStatus[] {
    return [...this.#statuses.values()];
  }

  /** Our own new status, to be told; undefined: it has not changed. */
  set(ready: boolean): PeerStatus | undefined {
    const own = this.#statuses.get(this.#self)!;
    if (own.ready === ready) return undefined;
    const status = { ...own, ready, version: own.version + 1 };
    this.#statuses.set(this.#self, status);
    return status;
  }

  /** Whether it is news, to be passed on. */
  take(status: PeerStatus): boolean {
    if (status.peer === this.#self || !this.#members.has(status.peer)) return false;
    const known = this.#statuses.get(status.peer);
    const newer =
      known === undefined ||
      status.incarnation > known.incarnation ||
      (status.incarnation === known.incarnation && status.version > known.version);
    if (newer) this.#statuses.set(status.peer, status);
    return newer;
  }

  /** Peers that could take part in a flow and are not ready; if there are such, those that nobody has heard of. */
  get missing(): readonly string[] {
    const reached = new Set([this.#self]);
    // A set grows while it is walked: from neighbour to neighbour.
    for (const peer of reached)
      for (const one of this.#statuses.get(peer)?.neighbours ?? [])
        if (this.#members.has(one)) reached.add(one);
    const unready = [...reached].filter((peer) => this.#statuses.get(peer)?.ready !== true);
    const unheard = unready.filter((peer) => !this.#statuses.has(peer));
    return unheard.length > 0 ? unheard : unready;
  }
}

/** A status that arrived as JSON; undefined: it is none. */
export function statusOf(value: unknown): PeerStatus | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { peer, incarnation, version, ready, neighbours } = value as Partial<
    Record<keyof PeerStatus, unknown>
  >;
  const wellFormed =
    typeof peer === 'string' &&
    typeof incarnation === 'number' &&
    typeof version === 'number' &&
    typeof ready === 'boolean' &&
    Array.isArray(neighbours) &&
    neighbours.every((one) => typeof one === 'string');
  return wellFormed ? { peer, incarnation, version, ready, neighbours } : undefined;
}
