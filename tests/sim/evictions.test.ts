// Tables of a node that are full: what has to go is told, once at a time and by number.

import { describe, expect, test } from 'vitest';
import { constant, emit, entry, int64, module, on, peer, state } from '../../dsl/index.ts';
import type { Flow } from '../../runtime/flow.ts';
import { Counters } from '../../runtime/host/observe/counters.ts';
import type { SeatProgram } from '../../runtime/instruction.ts';
import { LateAnswers } from '../../runtime/late.ts';
import { Leases } from '../../runtime/lease.ts';
import { Outbox } from '../../runtime/outbox.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';
import { call, core, edge, f32, makeBundle, recv, SECOND_NS, send } from './programs.ts';
import { World } from './world.ts';

/** A server that asks its phones in round after round, and goes on without them. */
function rounds(phones: readonly string[], enough: number): World {
  const members = { server: ['s'], phone: phones };
  const edges = [
    edge(0, 'broadcast', 'server', 'phone', { dtype: 'bool', shape: [] }),
    edge(1, 'collect', 'phone', 'server', { dtype: 'float32', shape: [1] }),
  ];
  const shared = { members, edges, entries: [{ name: 'round', class: 'server' }] };
  const wait = { edges: [1], deadline_ns: 10 * SECOND_NS, at_least: 0, enough };
  const server = makeBundle({
    ...shared,
    class: 'server',
    ops: [
      core('Invoke', [], ['started'], undefined, { entry: 'round' }),
      send(0, 'started'),
      { op: 'wire.Collect', out: ['values', 'senders', 'missing'], attributes: wait },
      core('Present', ['values'], ['ok']),
      core('Next', ['ok'], [], undefined, { entry: 'round' }),
    ],
  });
  const phone = makeBundle({
    ...shared,
    class: 'phone',
    ops: [recv(0, 'go'), call('work', ['go'], ['a']), send(1, 'a')],
  });
  const nodes = { s: server, ...Object.fromEntries(phones.map((id) => [id, phone])) };
  return new World(nodes, { work: () => [f32(1)] }, { endedFlows: 4 });
}
const begin = (world: World, flows: number): void =>
  world.give('s', { type: 'invoke', entry: 'round', values: {}, flows });

describe('what has to go for lack of room is an event:', () => {
  test('members whose late answers are no longer awaited', () => {
    const phones = Array.from({ length: 1000 }, (_, at) => `p/${at}`);
    const world = rounds(phones, phones.length);
    for (const id of phones) world.silent.add(id);
    begin(world, 7);
    world.run();
    // After four rounds 4,000 of at most 4,096 are awaited.
    expect(world.events('evicted', 's')).toMatchObject([
      { table: 'late', count: 1000 },
      { table: 'late', count: 1000 },
      { table: 'late', count: 1000 },
    ]);
  });

  test('work that was told to stop and has not answered', () => {
    const world = rounds(['p/0', 'p/1'], 1);
    world.holdWork = true;
    begin(world, 1026);
    for (let ended = 0; ended < 1026; ended++) {
      world.settle();
      const at = world.held.findIndex((one) => one.peer === 'p/0');
      const [work] = world.held.splice(at, 1);
      world.work('p/0', work!);
      world.drain('p/0');
    }
    world.settle();
    expect(world.aborted.length).toBe(1026);
    expect(world.events('evicted')).toMatchObject([{ table: 'aborted', count: 1024 }]);
  });

  test('flows that never came, and count as ended', () => {
    const world = rounds(['p/0', 'p/1'], 1);
    begin(world, 20);
    // Every second flow is lost on its way to the second phone.
    let round = 0;
    for (let letter = world.mail.shift(); letter !== undefined; letter = world.mail.shift()) {
      if (letter.to === 'p/0') round++;
      if (letter.to !== 'p/1' || round % 2 === 0) world.deliver(letter);
    }
    expect(world.events('evicted', 'p/0')).toEqual([]);
    const gone = world.events('evicted', 'p/1');
    expect(gone.length).toBeGreaterThan(3);
    for (const event of gone) expect(event).toMatchObject({ table: 'gaps', count: 1 });
  });

  test('what sessions have each of their own', async () => {
    const [client, server] = [peer('client'), peer('server')];
    const source = module('sessions', () => {
      const seen = state('seen', constant(0n, int64), { at: server, perSession: true });
      entry('step', client, { initial: { n: 1n } }, ({ n }) => {
        emit('seen', on(server, () => seen.update((before) => before.add(n as never) as never)) as never);
      });
    });
    const topology = topologyIn({ classes: { client: {}, server: {} } });
    const { world, deployment } = await simulatedWorld(source, topology);
    const counters = new Counters();
    world.observers.push({
      output: ({ id }, one) => {
        if (id === 'server' && one.type === 'event') counters.note(one.event);
      },
    });
    for (let session = 0; session < 1030; session++) await deployment.invoke({}, { entry: 'step' });
    expect(counters.evicted).toEqual({ late: 0, kept: 0, state: 6, aborted: 0, gaps: 0 });
    await deployment.close();
  });

  test('late answers that were kept for a flow to come', () => {
    const leases = new Leases(() => {});
    const outbox = new Outbox(8);
    const collect = { kind: 'collect', edges: [edge(1, 'collect', 'phone', 'server')], keepsLate: true };
    const late = new LateAnswers({ instructions: [collect] } as unknown as SeatProgram, leases, outbox);
    for (let counter = 1; counter <= 4098; counter++) {
      const id = { kind: 'initiated', initiator: 's', incarnation: 1, counter } as const;
      late.closed({ id, session: id, step: 0 } as unknown as Flow, 0, [{ from: 'p', fields: [undefined] }]);
      expect(late.take(id, 0, 0, 'p', leases.own(f32(1), false))).toEqual({ kept: true });
    }
    // Told once of both, since nobody has asked meanwhile.
    expect(outbox.take()).toEqual({ type: 'event', event: { kind: 'evicted', table: 'kept', count: 2 } });
    expect(outbox.take()).toBe(undefined);
    expect(leases.bytes).toBe(4 * 4096);
  });
});

test('an eviction is told once until the host has heard it, of each table, after a restore too', () => {
  const outbox = new Outbox(8);
  outbox.evict('gaps', 3);
  outbox.evict('state');
  outbox.evict('gaps', 2);
  const restored = new Outbox(8);
  restored.load(structuredClone(outbox.save()));
  restored.evict('state');
  const heard = (one: Outbox) =>
    [one.take(), one.take(), one.take()].map((output) => output?.type === 'event' && output.event);
  expect(heard(restored)).toEqual([
    { kind: 'evicted', table: 'gaps', count: 5 },
    { kind: 'evicted', table: 'state', count: 2 },
    false,
  ]);
  restored.evict('gaps');
  expect(heard(restored)[0]).toEqual({ kind: 'evicted', table: 'gaps', count: 1 });
});
