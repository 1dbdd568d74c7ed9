// Done line 9 of the strategies: each as processes over WebSockets, in the smallest deployment that it admits.

import { isDeepStrictEqual } from 'node:util';
import { smallest, strategyNames } from '../support/strategies.ts';
import { StrategyProcesses } from '../support/strategy-processes.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  const processes = new StrategyProcesses(cx.folder);
  for (const name of strategyNames) {
    const { statuses, equal, unheard } = await cx.step(name, async () => {
      const { several, one } = await processes.run(name);
      return {
        statuses: { ...several.statuses },
        // When flows start that start by themselves is another matter each time.
        equal: one === undefined ? null : isDeepStrictEqual(several, one),
        unheard: Object.entries(several.messages).flatMap(([peer, count]) => (count === 0 ? [peer] : [])),
      };
    });
    const peers = Object.entries(smallest(name)).map(([cls, count]) => `${count} ${cls}`);
    const flows = Object.entries(statuses).map(([status, count]) => `${count} ${status}`);
    const bits = { true: 'the bits of one process', false: 'OTHER BITS than one process', null: 'no rounds' };
    cx.figure(
      `${name}, ${peers.join(', ')}`,
      `flows: ${flows.join(', ')}; ${bits[`${equal}`]}`,
      Object.keys(statuses).join() === 'complete' && equal !== false && unheard.length === 0,
    );
  }
};
export default verify;
