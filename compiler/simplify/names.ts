// Names of values: which are taken, and new ones.

import type { Model } from '../../ir/graph.ts';

export class Names {
  readonly #counts = new Map<string, number>();
  /** Where the search for a new name goes on. */
  readonly #next = new Map<string, number>();

  constructor(model: Model) {
    for (const { name } of model.allValues()) this.#add(name);
  }

  /** Whether only one value of the whole model has it, so that it means the same in every graph. */
  isUnique(name: string): boolean {
    return (this.#counts.get(name) ?? 0) <= 1;
  }

  /** The name itself if no other value has it, else a new one. */
  unshared(name: string): string {
    if (this.isUnique(name)) return name;
    this.#counts.set(name, this.#counts.get(name)! - 1);
    return this.fresh(name);
  }

  fresh(name: string): string {
    let candidate = name;
    let number = this.#next.get(name) ?? 2;
    for (; this.#counts.has(candidate); number++) candidate = `${name}_${number}`;
    this.#next.set(name, number);
    this.#add(candidate);
    return candidate;
  }

  #add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
