// Problems as they are found, bounded: a broken file may have one at each of its ops.

import { type Diagnostic, diagnostic } from './diagnostic.ts';

/** So many problems with one code are listed; one more says that there are others. */
const MOST_OF_A_KIND = 1000;

export class Report {
  readonly #list: Diagnostic[] = [];
  readonly #counts = new Map<Diagnostic['code'], number>();

  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  /** Whether one more with this code would not be listed: making it costs time, too. */
  readonly isFull = (code: Diagnostic['code']): boolean => (this.#counts.get(code) ?? 0) > MOST_OF_A_KIND;

  readonly add = (problem: Diagnostic): void => {
    const { code, at } = problem;
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= MOST_OF_A_KIND) this.#list.push(problem);
    else if (count === MOST_OF_A_KIND + 1)
      this.#list.push(diagnostic('BB222', { code, most: MOST_OF_A_KIND }, at === undefined ? {} : { at }));
  };

  /** Takes back what was listed after the first `length`. */
  cutTo(length: number): readonly Diagnostic[] {
    const taken = this.#list.splice(length);
    for (const { code } of taken) this.#counts.set(code, this.#counts.get(code)! - 1);
    return taken;
  }
}
