// Done line 4 of the runtime: a split-learning run whose peers are killed and restored at every call of a node, one after
// the other; each continuation ends with the parameters of the run that nobody kills, bit for bit.

import { SplitLearning, type Standing } from '../support/split-learning.ts';
import type { Line } from './verification.ts';

const STEPS = 10;

const verify: Line = async (cx) => {
  const found = await cx.step('kill and restore at every poll boundary', async () => {
    const run = await SplitLearning.open(STEPS);
    const expected = await run.finish(run.begin());
    const count = { boundaries: 0, continuations: 0, different: 0 };
    for (
      let standing: Standing | undefined = run.begin();
      standing !== undefined;
      standing = await run.step(standing)
    ) {
      count.boundaries++;
      for (const id of ['client', 'server']) {
        count.continuations++;
        if ((await run.finish(run.killed(standing, id))) !== expected) count.different++;
      }
    }
    return count;
  });
  cx.figure('poll boundaries of the run', found.boundaries, found.boundaries >= 200);
  cx.figure('continuations, one for each boundary and peer', found.continuations, true);
  cx.figure('of them with other parameters', found.different, found.different === 0);
};
export default verify;
