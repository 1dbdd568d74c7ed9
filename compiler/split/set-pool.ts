// Sets of small numbers, of which many are alike.

/** Sets of small numbers, each with one identity, so that comparing and joining them is cheap. */
export class SetPool {
  readonly #members: (readonly number[])[] = [[]];
  readonly #byKey = new Map<string, number>([['', 0]]);
  readonly #unions = new Map<number, Map<number, number>>();

  /** The empty set. */
  readonly empty = 0;

  of(member: number): number {
    return this.#intern([member]);
  }
  size(set: number): number {
    return this.#members[set]!.length;
  }
  union(a: number, b: number): number {
    if (a === b || b === this.empty) return a;
    if (a === this.empty) return b;
    const [low, high] = a < b ? [a, b] : [b, a];
    let row = this.#unions.get(low);
    if (row === undefined) {
      row = new Map();
      this.#unions.set(low, row);
    }
    let joined = row.get(high);
    if (joined === undefined) {
      joined = this.#intern(
        [...new Set([...this.#members[low]!, ...this.#members[high]!])].sort((x, y) => x - y),
      );
      row.set(high, joined);
    }
    return joined;
  }

  /** Whether all of `b` is in `a`. */
  contains(a: number, b: number): boolean {
    return this.union(a, b) === a;
  }

  #intern(members: readonly number[]): number {
    const key = members.join();
    let set = this.#byKey.get(key);
    if (set === undefined) {
      set = this.#members.push(members) - 1;
      this.#byKey.set(key, set);
    }
    return set;
  }
}
