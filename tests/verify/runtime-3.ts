// Done line 3 of the runtime: a thousand seeds of the chaos faults over the examples; ten thousand by `npm run soak`.

import { chaos, chaosExamples, completeShare } from '../support/chaos.ts';
import type { Line } from './verification.ts';

const SEEDS = Number(process.env.BBC_SEEDS ?? 1000);
/** Seeds of one step, which is not done again. */
const STEP = 50;

const verify: Line = async (cx) => {
  const each = Math.ceil(SEEDS / chaosExamples.length);
  let runs = 0;
  const all: Record<string, number> = {};
  for (const [index, name] of chaosExamples.entries()) {
    const sum = { runs: 0, events: 0, violations: [] as string[], flows: new Map<string, number>() };
    for (let done = 0; done < each; done += STEP) {
      const first = index * each + done + 1;
      const seeds = Array.from({ length: Math.min(STEP, each - done) }, (_, seed) => first + seed);
      const one = await cx.step(`${name} from ${first} of ${SEEDS}`, async () => ({
        ...(await chaos(name, seeds, 5)),
      }));
      sum.runs += one.runs;
      sum.events += one.events;
      sum.violations.push(...one.violations);
      for (const [status, count] of Object.entries(one.flows)) {
        sum.flows.set(status, (sum.flows.get(status) ?? 0) + count);
        all[status] = (all[status] ?? 0) + count;
      }
    }
    runs += sum.runs;
    const flows = [...sum.flows].map(([status, count]) => `${count} ${status}`).join(', ');
    for (const one of sum.violations.slice(0, 5)) cx.note(one);
    cx.figure(
      `${name}, ${sum.runs} seeds`,
      `${sum.events} events, flows: ${flows}; ${sum.violations.length} violations`,
      sum.violations.length === 0,
    );
  }
  const [adaptive, plain] = [completeShare(all, 'adaptive'), completeShare(all, 'plain')];
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  cx.figure(
    'flows that came out complete',
    `${percent(adaptive)} with frames sent again, ${percent(plain)} without`,
    true,
  );
  cx.figure('seeds in all', runs, runs >= SEEDS);
};
export default verify;
