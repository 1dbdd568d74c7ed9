// A pause: asked for by a flow, kept over a crash, and what keeps a strategy from trying again at once.

import { describe, expect, test } from 'vitest';
import { cohort, constant, entry, int64, module, output, protocol } from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import type { Fault } from '../../runtime/host/sim/faults.ts';
import { SimulatedDeployment, scheduleFaults, type World } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';
import { pause } from '../../stdlib/protocols/index.ts';
import { fedBuff } from '../../stdlib/strategies/index.ts';
import { blobs, clients, dataOf, server } from '../support/blobs.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const SECOND_NS = 1e9;
const away = (name: string, atNs: number, forNs: number, restart: 'fresh' | 'restored'): Fault => ({
  ...{ kind: 'crash', who: { names: [name] }, noticeNs: SECOND_NS },
  ...{ atNs, forNs: { kind: 'constant', value: forNs }, restart },
});
const withFault = (world: World, fault: Fault): SimulatedDeployment => {
  const simulated = new SimulatedDeployment(world);
  scheduleFaults(world, { faults: [fault] }, { lost: (peer) => simulated.lose(peer.id) });
  return simulated;
};

describe('a flow that asks for a pause', () => {
  const peers = cohort('peer');
  const resting = (ms: number) =>
    module('resting', () => {
      const rest = protocol('rest', pause, { at: peers.me, use: { kind: 'pause' } });
      entry('go', peers, () => {
        output('rested', rest.rest(constant(BigInt(ms), int64), { within: '60s' }));
      });
    });
  const two = topologyIn({ classes: { peer: { count: 2 } } });

  test('has it, no shorter and no longer', async () => {
    const { world, deployment } = await simulatedWorld(resting(4000), two);
    const { status, cohortOutputs } = await deployment.invoke({}, { entry: 'go', peer: 'peer/0' });
    expect([status, plain(cohortOutputs.rested!['peer/0'])]).toEqual(['complete', [4000]]);
    expect(world.now).toBe(4 * SECOND_NS);
  });

  test('has the rest of it where it comes back after a crash', async () => {
    const { world } = await simulatedWorld(resting(9000), two, { durable: true });
    const simulated = withFault(world, away('peer/0', 3 * SECOND_NS, 2 * SECOND_NS, 'restored'));
    const { cohortOutputs } = await simulated.invoke({}, { entry: 'go', peer: 'peer/0' });
    expect(plain(cohortOutputs.rested!['peer/0'])).toEqual([9000]);
    expect(world.now / SECOND_NS).toBeCloseTo(9, 1);
  });

  test('of less than nothing has none, which it is told', async () => {
    const { deployment } = await simulatedWorld(resting(-1), two);
    const { cohortOutputs } = await deployment.invoke({}, { entry: 'go', peer: 'peer/0' });
    const rested = cohortOutputs.rested!['peer/0']!;
    expect(isMissing(rested) && [rested.reason, rested.detail]).toEqual([
      'failed',
      expect.stringContaining('a pause of -1 ms'),
    ]);
  });
});

test('clients of a buffered server that is known to be gone try again now and then, and go on when it is back', async () => {
  const local = { optimizer: sgd({ lr: 0.2 }), steps: 2, batch: 8 };
  const program = fedBuff(blobs, {
    server,
    clients,
    local,
    rounds: 40,
    buffer: 2,
    within: '10s',
    restMs: 500,
  });
  const topology = topologyIn({
    classes: { server: {}, client: { count: 3 } },
    links: [{ between: ['server', 'client'], latency: '200ms' }],
  });
  const options = { durable: true, network: adaptive({ seed: 1n }) };
  const { world } = await simulatedWorld(program, topology, options, dataOf);
  const simulated = withFault(world, away('server', 2 * SECOND_NS, 8 * SECOND_NS, 'restored'));
  const statuses: string[] = [];
  simulated.arm({}, ({ status }) => statuses.push(status));
  await simulated.serve(() => world.now > 30 * SECOND_NS);
  const failed = statuses.filter((one) => one !== 'complete').length;
  expect(failed).toBeGreaterThan(3);
  // Three clients, for 8 s, twice a second.
  expect(failed).toBeLessThanOrEqual(3 * 8 * 2);
  expect(Number((plain((await simulated.state()).server!.version) as number[])[0])).toBeGreaterThanOrEqual(
    12,
  );
});
