// Exchange and its gradient, on the production nodes.

import { expect, test } from 'vitest';
import { cohort, constant, entry, gradient, module, output, state, type Value } from '../../dsl/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const peers = cohort('peer');
const topology = topologyIn({ classes: { peer: { count: 2 } } });

/** By member: what the sum of squares of all that each has got gives back to what it sent. */
async function gradientsOf(rows: boolean): Promise<readonly unknown[]> {
  const program = module('squares', () => {
    const held = state('w', constant([[0], [0]]), { at: peers.each });
    entry('round', peers.each, () => {
      const w = held.read();
      const all = w.exchange({ rows }).values as Value<'float32', [number, 1], 'peer.each'>;
      const loss = all.mul(all).reduceSum({ keepdims: false }) as Value<'float32', [], 'peer.each'>;
      output('dw', gradient(loss, w));
    });
  });
  const { deployment } = await simulatedWorld(program, topology);
  const own = (a: number, b: number) => ({ w: { ...floats(a, b), dims: [2, 1] } });
  await deployment.restore({ 'peer/0': own(1, 2), 'peer/1': own(3, 4) });
  const { cohortOutputs, status, causes } = await deployment.invoke({}, { entry: 'round' });
  expect([status, causes]).toEqual(['complete', []]);
  return Object.values(cohortOutputs.dw!).map((one) => plain(one));
}

test('whoever got a row gives back its gradient, and whoever got the whole adds to it', async () => {
  expect(await gradientsOf(true)).toEqual([
    [2, 4],
    [6, 8],
  ]);
  expect(await gradientsOf(false)).toEqual([
    [4, 8],
    [12, 16],
  ]);
});
