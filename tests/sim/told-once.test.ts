// A durable peer that crashes after it has told of something is back as it was before its next record, and comes to the
// same again: whoever listens hears of it once.

import { expect, test } from 'vitest';
import {
  cohort,
  collect,
  constant,
  entry,
  float32,
  input,
  module,
  next,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { SimPeer, World } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phone] = [peer('server'), cohort('phone')];
const topology = topologyIn({ classes: { server: {}, phone: { count: 2 } } });
const AWAY_NS = 50e6;

/** A session that its caller bounds, with inputs, outputs, and a quorum that is missed in each flow. */
const rounds = module('rounds', () => {
  const x = input('x', float32, [1], { at: phone.each });
  const total = state('total', constant([0], float32), { at: server });
  entry('round', server, { initial: { n: 0n } }, ({ n }) => {
    const answers = collect(
      on(phone.each, () => x.mul(2)),
      { atLeast: 2 },
    );
    total.update((before) => before.add(answers.values.reduceSum({ axes: [0], keepdims: false })));
    output('n', n);
    const few = collect(
      on(phone.each, () => x.neg().when(x.less(2).squeeze())),
      { atLeast: 2 },
    );
    output('few', few.values.orElse(0));
    next('round', { n: n.add(1n) });
  });
});

interface Told {
  readonly result: Pick<FlowResult, 'status' | 'quorums' | 'pauses'>;
  /** What was told, sorted: a crash changes what comes first. */
  readonly events: readonly string[];
  readonly total: unknown;
}

/** `killAt`: the event after which the peer that told it is down for a while. */
async function run(killAt = Number.POSITIVE_INFINITY): Promise<Told> {
  const { world, deployment } = await simulatedWorld(rounds, topology, {
    durable: true,
    network: adaptive(),
    snapshotRecords: 6,
  });
  const events: string[] = [];
  let count = 0;
  world.observers.push({
    output(peer, output) {
      if (output.type !== 'event') return;
      // May be asked for again, since what was given may be lost with the peer.
      if (output.event.kind !== 'input-wanted') events.push(`${peer.id} ${output.event.kind}`);
      if (count++ === killAt) kill(world, peer);
    },
  });
  const flows: FlowResult[] = [];
  const { status, quorums, pauses } = await deployment.invoke(
    { x: { 'phone/0': floats(1), 'phone/1': floats(2) } },
    { entry: 'round', flows: 2, onFlow: (one) => flows.push(one) },
  );
  expect(flows).toHaveLength(2);
  await deployment.run(() => false);
  const total = plain(world.peers.get('server')!.node!.state.get('total')!);
  return { result: { status, quorums, pauses: pauses! }, events: events.sort(), total };
}

function kill(world: World, peer: SimPeer): void {
  world.stop(peer);
  world.plan(world.now + AWAY_NS, `${peer.id} is back`, () => world.recover(peer));
}

test('whenever a peer crashes, what it told is told once, and its session goes on as one', async () => {
  const expected = await run();
  expect(expected.events.filter((one) => one.startsWith('server'))).toEqual([
    ...['server flow-ended', 'server flow-ended', 'server flow-started', 'server flow-started'],
    ...['server output', 'server output', 'server output', 'server output'],
    ...['server quorum-missed', 'server quorum-missed', 'server session-paused'],
  ]);
  expect(expected.result.pauses).toHaveLength(1);
  expect(expected.total).toEqual([12]);
  const asked = 4;
  for (let at = 0; at < expected.events.length + asked; at++)
    expect(await run(at), `killed at ${at}`).toEqual(expected);
});
