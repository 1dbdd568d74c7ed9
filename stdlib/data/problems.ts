// What is wrong with data files, collected: who mends a folder wants to know all of it.

import { type Diagnostic, DiagnosticError, diagnostic } from '../../ir/index.ts';

/** More than anybody reads. */
const MAX_PROBLEMS = 100;

export class Problems {
  readonly #found: Diagnostic[] = [];
  #more = 0;

  add(problem: Diagnostic): void {
    if (this.#found.length < MAX_PROBLEMS) this.#found.push(problem);
    else this.#more++;
  }

  /** A file is not what its format says; `offset` is in bytes. */
  damaged(file: string, reason: string, offset?: number): void {
    const at = offset === undefined ? { file } : { file, offset };
    this.add(diagnostic('BB771', { reason }, { at }));
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** Throws DiagnosticError if there was a problem. */
  check(): void {
    if (!this.any) return;
    // Within a file from the top down; those without a line are whole files, in the order of opening.
    const sorted = this.#found.toSorted(({ at: a }, { at: b }) =>
      a?.file === b?.file ? (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0) : 0,
    );
    const last = sorted.pop()!;
    const related = [{ message: `and ${this.#more} more problems` }];
    throw new DiagnosticError([...sorted, this.#more === 0 ? last : { ...last, related }]);
  }
}

/** Reports (BB774) columns whose numbers of records differ. */
export function checkCounts(
  problems: Problems,
  counts: readonly { readonly field: string; readonly file: string; readonly count: number }[],
): void {
  const [first, ...others] = counts;
  for (const other of others) {
    if (other.count === first!.count) continue;
    const args = { field: other.field, count: other.count, other: first!.field, otherCount: first!.count };
    problems.add(diagnostic('BB774', args, { at: { file: other.file } }));
  }
}
