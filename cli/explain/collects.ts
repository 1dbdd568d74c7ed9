// What becomes of the answers to a deployment's collects: folded as they come, or stacked when all are there.

import { decodeProgram, type LoadedBundle } from '../../runtime/index.ts';
import type { CommandContext } from '../context.ts';

export interface ExplainedCollect {
  readonly collect: string;
  readonly class: string;
  /** `file:line:column` of the author. */
  readonly at: string | null;
  readonly answers: 'folded' | 'stacked';
}

export const collectsOf = (bundles: Iterable<LoadedBundle>): readonly ExplainedCollect[] =>
  [...bundles].flatMap((bundle) =>
    decodeProgram(bundle).seats.flatMap(({ instructions }) =>
      instructions.flatMap((one): readonly ExplainedCollect[] => {
        if (one.kind !== 'collect') return [];
        const answers = one.fold === undefined ? 'stacked' : 'folded';
        return [{ collect: one.name, class: bundle.manifest.class, at: one.at ?? null, answers }];
      }),
    ),
  );

const words: Readonly<Record<ExplainedCollect['answers'], string>> = {
  folded: 'folded, each when all before it are there',
  stacked: 'held and stacked when all are there',
};

export function printCollects(cx: CommandContext, collects: readonly ExplainedCollect[]): void {
  if (collects.length === 0) return;
  cx.print();
  cx.printTable(
    ['collect', 'class', 'at', 'answers are'],
    collects.map((one) => [one.collect, one.class, one.at ?? '', words[one.answers]]),
  );
}
