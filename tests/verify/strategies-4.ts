// Done line 4 of the strategies: aggregators under attack. Each holds with as many attackers as it is stated for
// (tests/support/stated-attackers.ts), and breaks where docs/aggregators.md says.

import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import {
  accuracyUnder,
  aggregators,
  attacks,
  BACKDOOR,
  doorOpenFor,
  N,
  setting,
} from '../support/attack-table.ts';
import { breaksWith, MOSTLY, stated, tableOfTheDocs } from '../support/stated-attackers.ts';
import type { Line } from './verification.ts';

/** Within two points of the mean that nobody attacks, and of the same aggregator that nobody attacks. */
const HELD = 0.02;
/** A backdoor is closed where fewer pictures with the pattern are read as its target; a tenth of them are it. */
const CLOSED = 0.2;
/** Where an aggregator breaks may differ by so many attackers from the docs: processors round otherwise. */
const BESIDE = 1;
const percent = (share: number): string => (100 * share).toFixed(1);

const verify: Line = async (cx) => {
  const backend = onnxRuntimeBackend({ workers: 0 });
  try {
    const run = (aggregator: string, attack: string | undefined, f: number) =>
      cx.step(`${aggregator}, ${attack ?? 'nobody'}, ${f}`, () =>
        accuracyUnder(backend, aggregator, attack, f),
      );
    const open = (aggregator: string, f: number) =>
      cx.step(`${aggregator}, open, ${f}`, () => doorOpenFor(backend, aggregator, f));
    const clean = await run('mean', undefined, 0);

    interface Run {
      readonly held: boolean;
      readonly text: string;
    }
    /** With `f` attackers, and set for so many. */
    const under = async (aggregator: string, attack: string, f: number): Promise<Run> => {
      const own = await run(aggregator, undefined, aggregators[aggregator]!.told ? f : 0);
      const left = await run(aggregator, attack, f);
      const opened = attack === BACKDOOR ? await open(aggregator, f) : 0;
      const door = attack === BACKDOOR ? `, open for ${percent(opened)} %` : '';
      return {
        held: Math.max(clean, own) - left <= HELD && opened < CLOSED,
        text: `${percent(left)} %, without ${percent(own)} %${door}`,
      };
    };
    /** The first number of attackers from `f` on with which it does not hold, if there is one. */
    const breaks = async (aggregator: string, attack: string, f: number): Promise<number | undefined> => {
      for (let more = f; more <= aggregators[aggregator]!.most; more++)
        if (!(await under(aggregator, attack, more)).held) return more;
      return undefined;
    };

    cx.note(
      `${N} members with ${setting.each} digits each, iid; ${setting.rounds} rounds of ${setting.steps} steps of ${setting.batch}`,
    );
    cx.note(`mean, nobody attacks: ${percent(clean)} % are read rightly`);
    const table = tableOfTheDocs();
    for (const [column, [aggregator, { f, except = [] }]] of Object.entries(stated).entries()) {
      const { most } = aggregators[aggregator]!;
      for (const attack of Object.keys(attacks)) {
        const from = except.includes(attack) ? 0 : f;
        const at = await breaks(aggregator, attack, Math.max(from, 1));
        const cell = table[attack]?.[column] ?? 'nothing';
        const beside = Math.abs((at ?? most + 1) - (breaksWith(cell) ?? most + 1));
        const last = (await under(aggregator, attack, at ?? most)).text;
        const texts = [
          ...(from === 0 ? ['not stated'] : []),
          ...(from > 0 && from < most
            ? [`with ${from} ${(await under(aggregator, attack, from)).text}`]
            : []),
          `${at === undefined ? 'holds' : 'breaks'} with ${at ?? most} ${last}`,
          `the docs say ${cell}`,
        ];
        cx.figure(`${aggregator}, ${attack}`, texts.join('; '), (at ?? most + 1) > from && beside <= BESIDE);
      }
    }
    // What is made to break a mean breaks it with as many attackers as most others are stated for.
    for (const attack of [
      'sign flip, tenfold',
      'scaling, a hundredfold',
      'NaN and infinities',
      'collusion: all send the same noise',
      'inner product, ε = 10',
    ]) {
      const left = await run('mean', attack, MOSTLY);
      cx.figure(
        `mean, ${attack}, ${MOSTLY} of ${N}`,
        `${percent(left)} %, not ${percent(clean)}`,
        left < clean - 0.1,
      );
    }
    const opened = await open('mean', MOSTLY);
    cx.figure(`mean, ${BACKDOOR}, ${MOSTLY} of ${N}`, `open for ${percent(opened)} %`, opened > 0.8);
  } finally {
    await backend.close();
  }
};
export default verify;
