// Who belongs to which class, looked up at once however many there are. One for all nodes that run a program.

import type { Manifest } from '../ir/deployment.ts';

export class Members {
  readonly #classes: ReadonlyMap<string, readonly string[]>;
  readonly #positions: ReadonlyMap<string, ReadonlyMap<string, number>>;

  constructor({ members }: Pick<Manifest, 'members'>) {
    this.#classes = new Map(Object.entries(members));
    this.#positions = new Map(
      Object.entries(members).map(([name, ids]) => [name, new Map(ids.map((id, at) => [id, at]))]),
    );
  }

  /** Peer ids in order. */
  of(name: string): readonly string[] {
    return this.#classes.get(name) ?? [];
  }

  /** A peer's place in the class; -1: it is not of it. */
  position(name: string, peer: string): number {
    return this.#positions.get(name)?.get(peer) ?? -1;
  }

  has(name: string, peer: string): boolean {
    return this.position(name, peer) >= 0;
  }

  /** Whether it is of any class. */
  knows(peer: string): boolean {
    for (const positions of this.#positions.values()) if (positions.has(peer)) return true;
    return false;
  }
}
