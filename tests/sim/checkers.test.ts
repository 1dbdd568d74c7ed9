// Every checker of the simulator can fail: each is given a world in which what it checks does not hold.

import { expect, test } from 'vitest';
import { cohort, collect, constant, entry, module, next, on, output, peer, state } from '../../dsl/index.ts';
import type { Topology } from '../../ir/index.ts';
import { Checkers, Durability, SimulatedDeployment, Violation } from '../../runtime/host/sim/index.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];
const counting = module('counting', () => {
  const total = state('total', constant(0), { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const now = total.read();
    const answers = on(phones.each, () => ({ x: now.add(1) }));
    const { x } = collect(answers, { atLeast: 1, within: '1s' });
    const sum = x.reduceSum({ keepdims: false });
    output(
      'sum',
      total.update((before) => sum.orElse(before)),
    );
    next('round', { round: round.add(1n) }).when(round.less(9n));
  });
});
const topology: Topology = topologyIn({
  classes: { server: {}, phone: { count: 2 } },
  links: [{ between: ['server', 'phone'], latency: '10ms' }],
});

const checked = async (durable = false): Promise<SimulatedWorld> => {
  const made = await simulatedWorld(counting, topology, { durable });
  made.world.observers.push(new Checkers(made.world), new Durability(made.world));
  return made;
};

/** What the checkers say of a run to which something is done after so many events. */
async function violationOf(
  { world, deployment }: SimulatedWorld,
  after: number,
  harm: () => void,
): Promise<string> {
  world.observers.unshift({
    settled() {
      if (world.events === after) harm();
    },
  });
  try {
    await deployment.invoke({});
  } catch (error) {
    if (error instanceof Violation) return error.checker;
    throw error;
  }
  return 'none';
}

test('a run without harm passes', async () => {
  expect(await violationOf(await checked(), 20, () => {})).toBe('none');
  expect(await violationOf(await checked(true), 20, () => {})).toBe('none');
});

test('conservation: a frame that nobody counts', async () => {
  const made = await checked();
  expect(await violationOf(made, 12, () => void made.world.traffic.delivered.frames--)).toBe('conservation');
});

test('budgets: a node that holds more than its limits', async () => {
  const made = await checked();
  const { node } = made.world.peers.get('server')!;
  const usage = node!.usage;
  const harm = () => Object.defineProperty(node, 'usage', { get: () => ({ ...usage, bytes: 2 ** 40 }) });
  expect(await violationOf(made, 12, harm)).toBe('budgets');
});

test('flows end: one that is open for longer than anything takes', async () => {
  const made = await checked();
  const harm = () => made.world.peers.get('server')!.open.set('server:1:99', -3600e9);
  expect(await violationOf(made, 12, harm)).toBe('flows end');
});

test('flows end: one that is open when nothing more happens', async () => {
  const { world, deployment } = await simulatedWorld(counting, topology);
  const checkers = new Checkers(world);
  await deployment.invoke({});
  await deployment.run(() => false);
  checkers.quiet();
  world.peers.get('phone/1')!.open.set('server:1:99', 0);
  expect(() => checkers.quiet()).toThrow('is open at phone/1, and nothing more happens');
});

test('time: an event before the one before it', async () => {
  const { world } = await checked();
  const server = world.peers.get('server')!;
  world.give(server, { type: 'found', peer: 'phone/0' }, 50);
  await world.step();
  world.give(server, { type: 'found', peer: 'phone/0' }, 40);
  await expect(world.step()).rejects.toThrow('time goes back from 50 to 40 ns');
});

test('acknowledged state: a disk that lost its last record', async () => {
  const crash = (made: SimulatedWorld, harm: (disk: Uint8Array[]) => void) => () => {
    const peer = made.world.peers.get('server')!;
    made.world.stop(peer);
    harm(peer.disk!.records);
    made.world.plan(made.world.now + 1e6, 'back', () => made.world.recover(peer));
  };
  for (let after = 40; after < 70; after += 10) {
    const well = await checked(true);
    expect(
      await violationOf(
        well,
        after,
        crash(well, () => {}),
      ),
    ).toBe('none');
  }
  const found = new Set<string>();
  for (let after = 40; after < 70; after++) {
    const made = await checked(true);
    found.add(
      await violationOf(
        made,
        after,
        crash(made, (disk) => disk.splice(-6)),
      ),
    );
  }
  expect(found).toContain('acknowledged state');
});

test('a call that finds its peer down waits until it is back', async () => {
  const { world, deployment } = await simulatedWorld(counting, topology);
  const server = world.peers.get('server')!;
  world.stop(server);
  world.plan(5e9, 'back', () => world.start(server));
  const { status } = await new SimulatedDeployment(world).invoke({});
  expect([status, world.now > 5e9, deployment.world.events > 0]).toEqual(['complete', true, true]);
});
