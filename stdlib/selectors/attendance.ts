// Who missed its turn, as the program tells, and what becomes of it. A selector hears nothing of links: what a peer did not
// answer is a value of the program, `missing` of a collect, whatever the reason.

import type { Message } from '../../runtime/proto/codec.ts';
import { list, message, string, table, uint } from '../../runtime/proto/codec.ts';

/**
 * drop: is passed over for a while. stash: that too, and comes first when it is back. requeue: comes first at the next turn,
 * and is passed over if it has missed so many in a row.
 */
export const churns = ['ignore', 'drop', 'stash', 'requeue'] as const;

export interface ChurnOptions {
  /** What becomes of who missed its turn. Default: `ignore`. */
  readonly churn?: (typeof churns)[number];
  /** How long it is passed over, in ms, unless it is seen before. Default: 60,000. */
  readonly awayMs?: number;
  /** Turns missed in a row until `requeue` gives up. Default: 3. */
  readonly tries?: number;
}

/** Of more, the first to have missed its turn is forgotten. */
const MOST_ABSENT = 100_000;

interface Absence {
  /** Turns missed in a row. */
  readonly misses: number;
  /** Passed over until then. */
  readonly untilNs: number;
}

export class Attendance {
  readonly #churn: NonNullable<ChurnOptions['churn']>;
  readonly #awayNs: number;
  readonly #tries: number;
  readonly #absent = new Map<string, Absence>();

  constructor({ churn = 'ignore', awayMs = 60_000, tries = 3 }: ChurnOptions) {
    this.#churn = churn;
    this.#awayNs = awayMs * 1e6;
    this.#tries = tries;
  }

  missed(peers: readonly string[], now: number): void {
    if (this.#churn === 'ignore') return;
    for (const peer of peers) {
      const misses = (this.#absent.get(peer)?.misses ?? 0) + 1;
      const stays = this.#churn === 'requeue' && misses < this.#tries;
      this.#absent.delete(peer);
      this.#absent.set(peer, { misses: stays ? misses : 0, untilNs: stays ? 0 : now + this.#awayNs });
      if (this.#absent.size > MOST_ABSENT) this.#absent.delete(this.#absent.keys().next().value!);
    }
  }

  /** They are there: who was away is back, who was not has had its turn. */
  seen(peers: readonly string[], now: number): void {
    for (const peer of peers) {
      const absence = this.#absent.get(peer);
      if (absence === undefined) continue;
      if (this.#churn === 'stash' && absence.untilNs > now)
        this.#absent.set(peer, { ...absence, untilNs: 0 });
      else this.#absent.delete(peer);
    }
  }

  /** Those of the candidates that are not passed over; `first`: whose turn comes before all others'. */
  of(candidates: readonly string[], now: number): { readonly first: string[]; readonly others: string[] } {
    const [first, others]: [string[], string[]] = [[], []];
    if (this.#absent.size === 0) return { first, others: [...candidates] };
    const among = new Set(candidates);
    for (const [peer, absence] of this.#absent)
      if (among.has(peer) && this.#isFirst(absence, now)) first.push(peer);
    for (const peer of candidates) {
      const absence = this.#absent.get(peer);
      if (absence === undefined || (absence.untilNs <= now && !this.#isFirst(absence, now)))
        others.push(peer);
    }
    return { first, others };
  }

  #isFirst({ misses, untilNs }: Absence, now: number): boolean {
    if (untilNs > now) return false;
    return this.#churn === 'stash' || (this.#churn === 'requeue' && misses > 0);
  }

  save(): Message<typeof absences>[] {
    return [...this.#absent].map(([peer, absence]) => ({ peer, ...absence }));
  }

  restore(saved: readonly Message<typeof absences>[]): void {
    this.#absent.clear();
    for (const { peer, ...absence } of saved) this.#absent.set(peer, absence);
  }
}

const absences = table({ peer: string(1), misses: uint(2), untilNs: uint(3) });
/** As a field of what a component saves. */
export const savedAbsences = (number: number) => list(message(number, absences));
