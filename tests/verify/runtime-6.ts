// Done line 6 of the runtime: exploring finds a lost update and a deadlock, and passes the examples.

import path from 'node:path';
import { exploredExamples, exploreExample } from '../support/explored.ts';
import { runTests } from './run-tests.ts';
import type { Line } from './verification.ts';

/** And with a peer that crashes, at any point; of one call. */
const crashing = ['02-text-recogniser', '03-wake-word', '04-voice-detector', '09-split-fed', '10-fine-tune'];

const verify: Line = async (cx) => {
  const tests = await cx.step('tests', () =>
    runTests(['tests/sim/explore.test.ts'], path.join(cx.folder, 'tests.json')),
  );
  for (const [what, status] of Object.values(tests).flatMap((one) => Object.entries(one)))
    cx.figure(what, status, status === 'passed');
  const show = async (what: string, name: string, ...options: string[]): Promise<void> => {
    const { runs, states, crashPoints, whole, findings, status } = await cx.step(`${name}, ${what}`, () => ({
      ...exploreExample(name, ...options),
    }));
    for (const one of findings) cx.note(`${one.kind}: ${one.what}`);
    const crashes = crashPoints === 0 ? '' : `, ${crashPoints} points to crash at`;
    cx.figure(
      `${name}, ${what}`,
      `exit ${status}, ${runs} orders through ${states} states${crashes}, ${whole ? 'all' : 'not all'}; ${findings.length} findings`,
      whole && findings.length === 0 && status === 0,
    );
  };
  for (const [name, ...options] of exploredExamples) await show('every order', name, ...options);
  for (const name of crashing) await show('every point of a crash', name, '--crashes', '1');
};
export default verify;
