// Nodes with adaptive networks in the simulator, whose links lose frames.

import { expect, test } from 'vitest';
import { cohort, collect, constant, entry, module, next, on, output, peer, state } from '../../dsl/index.ts';
import { Checkers } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];
const rounds = module('rounds', () => {
  const own = state('own', constant([0]), { at: phones.each });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const answers = on(phones.each, () => ({ x: own.update((before) => before.add(1)) }));
    const { x } = collect(answers, { atLeast: 1, within: '5s' });
    output('sum', x.reduceSum({ keepdims: false }));
    next('round', { round: round.add(1n) }).when(round.less(9n));
  });
});
const lossy = topologyIn({
  classes: { server: {}, phone: { count: 5 } },
  links: [{ between: ['server', 'phone'], latency: '10ms', loss: 0.3 }],
});

async function sums(network: boolean): Promise<unknown[]> {
  const { world, deployment } = await simulatedWorld(rounds, lossy, network ? { network: adaptive() } : {});
  world.observers.push(new Checkers(world));
  const found: unknown[] = [];
  await deployment.invoke({}, { onFlow: ({ outputs }) => void found.push([plain(outputs.sum)].flat()[0]) });
  return found;
}

test('with three frames in ten lost, every phone is in every round; without a network hardly one round is whole', async () => {
  const whole = Array.from({ length: 10 }, (_, round) => 5 * (round + 1));
  expect(await sums(true)).toEqual(whole);
  const others = await sums(false);
  expect(others.filter((sum, round) => sum === whole[round]).length).toBeLessThan(5);
});
