// Done line 8 of the strategies: a hundred seeds of the chaos faults over each, with and without a codec.

import { completeShare } from '../support/chaos.ts';
import { pipelineChaos, strategyChaos, trials } from '../support/strategy-chaos.ts';
import type { Line } from './verification.ts';

const SEEDS = Number(process.env.BBC_SEEDS ?? 100);
/** Seeds of one step, which is not done again. */
const STEP = 25;

const all = [
  ...trials.map((trial) => ({
    name: trial.codec === undefined ? trial.strategy : `${trial.strategy} in ${trial.codec}`,
    under: (seeds: readonly number[]) => strategyChaos(trial, seeds),
  })),
  { name: 'pipeline', under: (seeds: readonly number[]) => pipelineChaos(seeds, 'all') },
  {
    name: 'pipeline, right answers where nobody lies',
    under: (seeds: readonly number[]) => pipelineChaos(seeds, 'honest'),
  },
];

const verify: Line = async (cx) => {
  const flowsOfAll: Record<string, number> = {};
  for (const [index, { name, under }] of all.entries()) {
    const sum = { events: 0, violations: [] as string[], flows: {} as Record<string, number> };
    for (let done = 0; done < SEEDS; done += STEP) {
      const first = index * SEEDS + done + 1;
      const seeds = Array.from({ length: Math.min(STEP, SEEDS - done) }, (_, seed) => first + seed);
      const one = await cx.step(`${name} from ${first}`, async () => ({
        ...(await under(seeds)),
      }));
      sum.events += one.events;
      sum.violations.push(...one.violations);
      for (const [status, count] of Object.entries(one.flows)) {
        sum.flows[status] = (sum.flows[status] ?? 0) + count;
        flowsOfAll[status] = (flowsOfAll[status] ?? 0) + count;
      }
    }
    const flows = Object.entries(sum.flows).map(([status, count]) => `${count} ${status}`);
    for (const one of sum.violations.slice(0, 5)) cx.note(one);
    cx.figure(
      `${name}, ${SEEDS} seeds`,
      `${sum.events} events, flows: ${flows.join(', ')}; ${sum.violations.length} violations`,
      sum.violations.length === 0,
    );
  }
  const percent = (network: 'plain' | 'adaptive'): string =>
    `${(100 * completeShare(flowsOfAll, network)).toFixed(1)} %`;
  cx.figure(
    'flows that came out complete',
    `${percent('adaptive')} with frames sent again, ${percent('plain')} without`,
    true,
  );
};
export default verify;
