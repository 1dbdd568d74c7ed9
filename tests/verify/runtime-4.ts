// Done line 4 of the runtime: a split-learning run whose peers are killed and restored at every call of a node, one after
// the other; each continuation ends with the parameters of the run that nobody kills, bit for bit. The example itself comes
// back from its last snapshot and the records since; a smaller one from a snapshot taken at that very call.

import { withExample } from '../support/crash-everywhere.ts';
import { SplitLearning, type Standing } from '../support/split-learning.ts';
import type { Line } from './verification.ts';

const EXAMPLE_STEPS = 3;
const STEPS = 10;
/** Continuations after which an interrupted verification goes on. */
const PART = 100;

const verify: Line = async (cx) => {
  await withExample(EXAMPLE_STEPS, async (course) => {
    const { boundaries, snapshots, parameters } = await course.run();
    const found = { different: 0, resent: 0 };
    for (let from = 0; from < boundaries; from += PART) {
      const part = await cx.step(`the example, from boundary ${from}`, async () => {
        const sums = { different: 0, resent: 0 };
        for (let at = from; at < Math.min(from + PART, boundaries); at++) {
          const ended = await course.run(at);
          sums.resent += ended.resent;
          if (ended.parameters !== parameters) sums.different++;
        }
        return sums;
      });
      found.different += part.different;
      found.resent += part.resent;
    }
    cx.figure('poll boundaries of the example', boundaries, boundaries >= 200);
    cx.figure('continuations with other parameters', found.different, found.different === 0);
    cx.note(`${EXAMPLE_STEPS} steps, ${snapshots} snapshots; frames sent again in all: ${found.resent}`);
  });
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
  cx.figure('poll boundaries of a small perceptron', found.boundaries, found.boundaries >= 200);
  cx.figure('continuations, one for each boundary and peer', found.continuations, true);
  cx.figure('of them with other parameters', found.different, found.different === 0);
};
export default verify;
