// Ops that are to be looked at, once each, in the order in which they came.

import type { OpId } from '../../ir/graph.ts';

export class Worklist {
  readonly #list: OpId[] = [];
  readonly #waiting = new Set<OpId>();

  add(id: OpId): void {
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    this.#list.push(id);
  }

  /** Those that come meanwhile too; an op may come again once it was given. */
  *[Symbol.iterator](): Iterator<OpId> {
    for (let at = 0; at < this.#list.length; at++) {
      const id = this.#list[at]!;
      this.#waiting.delete(id);
      yield id;
    }
    this.#list.length = 0;
  }
}
