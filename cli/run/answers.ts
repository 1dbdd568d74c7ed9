// What a run says about the answers of members that did not come, or came too late.

import { type Diagnostic, diagnostic, type Position } from '../../ir/index.ts';
import type { FlowResult, LateCounts, QuorumMissed } from '../../runtime/host/index.ts';
import { causeText } from '../../runtime/host/observe/cause-text.ts';

/** `file:line:column`, as programs carry it. */
export function positionIn(text: string | undefined): Position | undefined {
  const [, file, line, column] = /^(.*):(\d+):(\d+)$/.exec(text ?? '') ?? [];
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) };
}

const contextOf = ({ at: text, causes, collect }: QuorumMissed) => {
  const at = positionIn(text);
  const related = causes.map((missing) => ({ message: causeText({ value: 'its answer', missing }) }));
  return { op: collect, related, ...(at !== undefined && { at }) };
};

/** Of a flow that did not come out: the collects that got too few answers. */
export const quorumProblems = ({ quorums, step }: FlowResult): Diagnostic[] =>
  quorums.map((one) => {
    const { peer, arrived, needed, known } = one;
    return diagnostic('BB826', { peer, arrived, needed, known, step }, contextOf(one));
  });

interface Account {
  rounds: number;
  /** The one with the fewest answers. */
  worst: QuorumMissed;
}

/** What became of the collects of a run, flow after flow. */
export class Answers {
  readonly #missed = new Map<string, Account>();
  #late: LateCounts = { dropped: 0, kept: 0 };
  #flows = 0;

  add({ quorums, late }: FlowResult): void {
    this.#flows++;
    this.#late = { dropped: this.#late.dropped + late.dropped, kept: this.#late.kept + late.kept };
    for (const one of quorums) {
      // What every member declined, its author did not want in this flow.
      if (one.causes.length === one.known && one.causes.every(({ reason }) => reason === 'declined'))
        continue;
      const key = `${one.peer} ${one.collect}`;
      const before = this.#missed.get(key);
      const worst = before === undefined || one.arrived < before.worst.arrived ? one : before.worst;
      this.#missed.set(key, { rounds: (before?.rounds ?? 0) + 1, worst });
    }
  }

  get late(): LateCounts {
    return this.#late;
  }

  /** A warning for each collect that some flows went on without. */
  get warnings(): Diagnostic[] {
    return [...this.#missed.values()].map(({ rounds, worst }) => {
      const { peer, arrived, needed, known } = worst;
      const args = { peer, arrived, needed, known, rounds, flows: this.#flows };
      return diagnostic('BB827', args, contextOf(worst));
    });
  }
}

/** `2 late answers, 1 of them kept for the next round`; nothing where there are none. */
export function lateText({ dropped, kept }: LateCounts): string | undefined {
  const all = dropped + kept;
  if (all === 0) return undefined;
  const count = all === 1 ? '1 late answer' : `${all} late answers`;
  if (dropped === 0) return `${count}, kept for the next round`;
  return kept === 0 ? `${count}, dropped` : `${count}, ${kept} of them kept for the next round`;
}
