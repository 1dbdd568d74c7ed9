// Done line 4 of the strategies: aggregators under attack. Each holds with as many attackers as it is stated for
// (tests/support/stated-attackers.ts, docs/aggregators.md); how many more it takes to break it.

import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { accuracyUnder, aggregators, attacks, doorOpenFor, N, setting } from '../support/attack-table.ts';
import { EVERYBODY, stated } from '../support/stated-attackers.ts';
import type { Line } from './verification.ts';

/** Within two points of the same aggregator's run without attackers. */
const HELD = 0.02;
/** A backdoor is closed where fewer pictures with the pattern are read as its target; a tenth of them are it. */
const CLOSED = 0.2;
const MOST = Math.ceil(N / 2);
const percent = (share: number): string => (100 * share).toFixed(1);

const verify: Line = async (cx) => {
  const backend = onnxRuntimeBackend({ workers: 0 });
  try {
    const run = (aggregator: string, attack: string | undefined, f: number) =>
      cx.step(`${aggregator}, ${attack ?? 'nobody'} ${f}`, () =>
        accuracyUnder(backend, aggregator, attack, f),
      );
    const open = (aggregator: string, f: number) =>
      cx.step(`${aggregator}, open ${f}`, () => doorOpenFor(backend, aggregator, f));
    /** Set for so many attackers as there are: without any, less with them; in shares of all digits. */
    const lost = async (aggregator: string, attack: string, f: number): Promise<number> => {
      const set = Math.min(f, aggregators[aggregator]!.most);
      const fixed = ['trimmedMean', 'krum', 'multiKrum', 'bulyan'].includes(aggregator) ? set : 0;
      return (await run(aggregator, undefined, fixed)) - (await run(aggregator, attack, f));
    };
    const holds = async (aggregator: string, attack: string, f: number): Promise<boolean> =>
      (await lost(aggregator, attack, f)) <= HELD &&
      (attack !== 'backdoor' || (await open(aggregator, f)) < CLOSED);

    /** The most attackers, up to those it is stated for, with whom it holds; that it holds with fewer is taken for granted. */
    const heldWith = async (aggregator: string, attack: string, most: number): Promise<number> => {
      if (most === 0 || (await holds(aggregator, attack, most))) return most;
      let [low, high] = [0, most];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (await holds(aggregator, attack, middle)) low = middle;
        else high = middle;
      }
      return low;
    };
    const tell = async (aggregator: string, attack: string, f: number): Promise<string> => {
      const points = `${percent(await lost(aggregator, attack, f))} points lost`;
      return attack === 'backdoor' ? `${points}, open for ${percent(await open(aggregator, f))} %` : points;
    };

    cx.note(
      `${N} members with ${setting.each} digits each, iid; ${setting.rounds} rounds of ${setting.steps} steps`,
    );
    const clean = await run('mean', undefined, 0);
    cx.note(`mean, nobody attacks: ${percent(clean)} % are read rightly`);
    const cells = Object.entries(stated).flatMap(([aggregator, of]) =>
      Object.keys(attacks).map((attack) => ({ aggregator, attack, most: of[attack] ?? of.else })),
    );
    for (const { aggregator, attack, most } of cells) await heldWith(aggregator, attack, most);
    for (const { aggregator, attack, most } of cells) {
      const held = await heldWith(aggregator, attack, most);
      const holding = held === 0 ? '' : `${await tell(aggregator, attack, held)}; `;
      const next = held + 1;
      const beyond =
        next > MOST
          ? 'more are a majority'
          : `${(await holds(aggregator, attack, next)) ? 'holds' : 'does not hold'} with ${next}: ${await tell(aggregator, attack, next)}`;
      cx.figure(`${aggregator}, ${attack}, ${held} of ${N}`, `${holding}${beyond}`, held === most);
    }
    // What is made to break a mean breaks it with as many attackers as every other here is stated for.
    for (const attack of ['sign flip', 'scaling', 'not finite', 'collusion', 'inner product 10']) {
      const left = await run('mean', attack, EVERYBODY);
      cx.figure(
        `mean, ${attack}, ${EVERYBODY} of ${N}`,
        `${percent(left)} %, not ${percent(clean)}`,
        left < clean - 0.1,
      );
    }
    const opened = await open('mean', EVERYBODY);
    cx.figure(`mean, backdoor, ${EVERYBODY} of ${N}`, `open for ${percent(opened)} %`, opened > 0.8);
  } finally {
    await backend.close();
  }
};
export default verify;
