// Who may touch which state variable: fragments that claim one run one after another, as they became ready.

import { fill, type Saved } from './saved.ts';
import type { Missing } from './value.ts';

export interface Claim {
  readonly keys: readonly string[];
}

export class Claims<C extends Claim> {
  readonly #queues = new Map<string, C[]>();
  /** What nobody gets any more, and why. */
  readonly barred = new Map<string, Missing>();

  /** Joins all its queues at once, so that no two claims can wait for each other. True: granted at once. */
  request(claim: C): boolean {
    for (const key of claim.keys) {
      const queue = this.#queues.get(key);
      if (queue === undefined) this.#queues.set(key, [claim]);
      else queue.push(claim);
    }
    return this.#granted(claim);
  }

  /** Ends a granted claim; returns those that are granted by this. */
  release(claim: C): readonly C[] {
    const next = new Set<C>();
    for (const key of claim.keys) {
      const queue = this.#queues.get(key)!;
      queue.shift();
      if (queue.length === 0) this.#queues.delete(key);
      else next.add(queue[0]!);
    }
    return [...next].filter((one) => this.#granted(one));
  }

  /** Claims that wait for a key, each with the one that has it. */
  *waiting(): Iterable<{ readonly key: string; readonly claim: C; readonly behind: C }> {
    for (const [key, [behind, ...others]] of this.#queues)
      for (const claim of others) yield { key, claim, behind: behind! };
  }

  save() {
    return { queues: this.#queues, barred: this.barred };
  }

  load({ queues, barred }: Saved<Claims<C>>): void {
    fill(this.#queues, queues);
    fill(this.barred, barred);
  }

  #granted(claim: C): boolean {
    return claim.keys.every((key) => this.#queues.get(key)![0] === claim);
  }
}
