// Joint flows, which every member enters itself, and values that nobody wants any more.

import { describe, expect, test } from 'vitest';
import type { BinderKind, End } from '../../ir/deployment.ts';
import type { LoadedBundle, Value } from '../../runtime/index.ts';
import {
  bool,
  call,
  core,
  edge,
  f32,
  makeBundle,
  numbers,
  type OpSpec,
  recv,
  SECOND_NS,
  send,
} from './programs.ts';
import { World } from './world.ts';

const at = (seat: string, ...ops: readonly OpSpec[]): readonly OpSpec[] => ops.map((op) => ({ ...op, seat }));
const end = (name: string, seat: string): End => {
  return { class: name, binder: seat.split('/')[1]!.split('.')[0] as BinderKind, seat };
};
const numbersOf = (value: Value | undefined): number[] | string =>
  value === undefined ? 'nothing' : 'reason' in value ? value.reason : numbers(value);

describe('a joint flow', () => {
  const members = { node: ['node/0', 'node/1', 'node/2'] };
  const each = end('node', 'round/each');
  const bundle = (rows: boolean): LoadedBundle =>
    makeBundle({
      class: 'node',
      members,
      edges: [edge(0, 'exchange', 'node', 'node', { from: each, to: each })],
      seats: [{ name: 'round/each', entry: 'round', binder: 'each', inputs: [], outputs: ['all'] }],
      entries: [{ name: 'round', class: 'node', seat: 'round/each', joint: true }],
      outputs: ['all'],
      constants: { first: f32(0, 1, 2), n: f32(0) },
      ops: at(
        'round/each',
        {
          op: 'core.Invoke',
          in: ['first', 'n'],
          out: ['begun', 'x', 'k'],
          attributes: { entry: 'round', arguments: ['x', 'k'] },
        },
        { op: 'wire.Send', in: ['x'], attributes: { edge: 0, ...(rows && { rows: 1 }) } },
        { op: 'wire.Collect', in: [], out: ['all'], attributes: { edges: [0], at_least: 1 } },
        call('next', ['all', 'k'], ['y', 'k1', 'more']),
        { op: 'core.Next', in: ['more', 'y', 'k1'], attributes: { entry: 'round' } },
      ),
    });
  const worldOf = (rows: boolean, rounds: number): World =>
    new World(Object.fromEntries(members.node.map((id) => [id, bundle(rows)])), {
      next: ([all, k], peer) => {
        const step = numbers(k!)[0]! + 1;
        const own = numbers(all!).map((one) => one + Number(peer.at(-1)) * 10);
        return [f32(...own.slice(0, 3)), f32(step), bool(step < rounds)];
      },
    });
  const enter = (world: World, peer: string): void => world.invoke(peer, {}, 'round');

  test('collects what everybody sends to everybody, own value too, in the order of the class', () => {
    const world = worldOf(false, 1);
    for (const peer of [...members.node].reverse()) enter(world, peer);
    world.run();
    for (const peer of members.node)
      expect(numbersOf(world.output(peer, 'all'))).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(world.events('flow-ended').map(({ status, flow }) => [status, flow])).toEqual(
      Array(3).fill(['complete', { kind: 'joint', class: 'node', view: 0, n: 1 }]),
    );
  });

  test('gives row i to member i, if rows are asked for', () => {
    const world = worldOf(true, 1);
    for (const peer of members.node) enter(world, peer);
    world.run();
    expect(members.node.map((peer) => numbersOf(world.output(peer, 'all')))).toEqual([
      [0, 0, 0],
      [1, 1, 1],
      [2, 2, 2],
    ]);
  });

  test('goes on with flow n + 1 at each member, and what comes before a member enters waits for it', () => {
    const world = worldOf(false, 3);
    enter(world, 'node/0');
    enter(world, 'node/1');
    world.settle();
    expect(world.node('node/2').openFlows).toBe(0);
    expect(world.events('dropped')).toEqual([]);
    world.now = SECOND_NS;
    enter(world, 'node/2');
    world.run();
    const steps = world.events('flow-started', 'node/2').map(({ flow, step }) => [flow, step ?? 0]);
    expect(steps.map(([flow, step]) => [(flow as { n: number }).n, step])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    for (const peer of members.node) {
      expect(world.events('flow-ended', peer).map(({ status }) => status)).toEqual(Array(3).fill('complete'));
      expect(world.node(peer).usage).toMatchObject({ flows: 0, bytes: 0, deadlines: 0 });
    }
  });

  test('is not held up by a member that never enters', () => {
    const world = worldOf(false, 1);
    enter(world, 'node/0');
    enter(world, 'node/1');
    world.run();
    expect(world.now).toBe(10 * SECOND_NS);
    expect(numbersOf(world.output('node/0', 'all'))).toEqual([0, 1, 2, 0, 1, 2]);
  });
});

describe('a collect that has closed', () => {
  const members = { server: ['server'], phone: ['phone/0', 'phone/1'] };
  const edges = [
    edge(0, 'broadcast', 'server', 'phone'),
    edge(1, 'collect', 'phone', 'server'),
    edge(2, 'collect', 'phone', 'server'),
  ];
  const collect = (id: number, out: string, more: OpSpec['attributes']): OpSpec => ({
    op: 'wire.Collect',
    out: [out],
    attributes: { edges: [id], ...more },
  });
  const worldOf = (...more: readonly OpSpec[]): World =>
    new World(
      {
        server: makeBundle({
          class: 'server',
          members,
          edges,
          inputs: ['x'],
          outputs: ['y', 'z'],
          ops: [send(0, 'x'), collect(1, 'y', { enough: 1, at_least: 1 }), collect(2, 'z', {})],
        }),
        ...Object.fromEntries(
          members.phone.map((id) => [
            id,
            makeBundle({
              class: 'phone',
              members,
              edges,
              ops: [
                recv(0, 'v'),
                call('prepare', ['v'], ['p']),
                call('train', ['p'], ['t']),
                call('other', ['p'], ['o']),
                send(1, 't'),
                send(2, 'o'),
                ...more,
              ],
            }),
          ]),
        ),
      },
      { prepare: ([x]) => [x!], train: ([x]) => [x!], other: ([x]) => [x!] },
    );
  const work = (world: World, peer: string, segment: string): void => {
    const found = world.held.find((one) => one.segment === segment && one.peer === peer)!;
    world.held.splice(world.held.indexOf(found), 1);
    world.work(peer, found);
    world.drain(peer);
    world.settle();
  };
  const heldAt = (world: World, peer: string): string[] =>
    world.held.flatMap((one) => (one.peer === peer ? [one.segment] : [])).sort();

  test('ends what a member does for it alone, and leaves the rest', () => {
    const world = worldOf();
    world.holdWork = true;
    world.invoke('server', { x: f32(1) });
    world.settle();
    work(world, 'phone/1', 'prepare');
    work(world, 'phone/0', 'prepare');
    expect(heldAt(world, 'phone/1')).toEqual(['other', 'train']);
    work(world, 'phone/0', 'train');
    // Phone 1 was told: its training is left, the other work is not.
    expect(world.aborted).toEqual([{ peer: 'phone/1', segment: 'train' }]);
    expect(heldAt(world, 'phone/1')).toEqual(['other']);
    for (const peer of members.phone) work(world, peer, 'other');
    expect(numbersOf(world.output('server', 'z'))).toEqual([1, 1]);
    for (const id of ['server', ...members.phone])
      expect(world.node(id).usage).toMatchObject({ flows: 0, work: 0, bytes: 0 });
    expect(world.events('dropped')).toEqual([]);
    expect(world.events('flow-ended').map(({ status }) => status)).toEqual(Array(3).fill('complete'));
  });

  test('before the work has begun, it is not begun', () => {
    const world = worldOf();
    world.holdWork = true;
    world.invoke('server', { x: f32(1) });
    world.settle();
    work(world, 'phone/0', 'prepare');
    work(world, 'phone/0', 'train');
    work(world, 'phone/1', 'prepare');
    expect(heldAt(world, 'phone/1')).toEqual(['other']);
    expect(world.aborted).toEqual([]);
  });

  test('what something else needs too goes on', () => {
    const keep = core('Present', ['t'], ['kept']);
    const world = worldOf(keep, {
      op: 'core.StateAssign',
      in: ['kept'],
      attributes: { key: 'k' },
      fragment: 1,
    });
    world.holdWork = true;
    world.invoke('server', { x: f32(1) });
    world.settle();
    for (const peer of members.phone) work(world, peer, 'prepare');
    work(world, 'phone/0', 'train');
    expect(heldAt(world, 'phone/1')).toEqual(['other', 'train']);
  });

  test('a peer that the value does not go to cannot stop it', () => {
    const world = worldOf();
    world.holdWork = true;
    world.invoke('server', { x: f32(1) });
    world.settle();
    work(world, 'phone/0', 'prepare');
    work(world, 'phone/0', 'train');
    const told = world.sent.find(({ to, bytes }) => to === 'phone/1' && bytes.length < 300)!;
    expect(told).toBeDefined();
    world.give('phone/1', { type: 'frame', from: 'phone/0', bytes: told.bytes });
    expect(world.events('dropped', 'phone/1').map(({ reason }) => reason)).toEqual(['sender']);
  });
});

test('whoever starts a flow and cancels it tells those that it has sent something', () => {
  const members = { server: ['server'], phone: ['phone'] };
  const edges = [edge(0, 'send', 'server', 'phone'), edge(1, 'send', 'phone', 'server')];
  const world = new World(
    {
      server: makeBundle({
        class: 'server',
        members,
        edges,
        inputs: ['x'],
        outputs: ['y'],
        ops: [send(0, 'x'), recv(1, 'y')],
      }),
      phone: makeBundle({
        class: 'phone',
        members,
        edges,
        ops: [recv(0, 'v'), call('train', ['v'], ['t']), send(1, 't')],
      }),
    },
    { train: ([x]) => [x!] },
  );
  world.holdWork = true;
  world.invoke('server', { x: f32(1) });
  world.settle();
  const [started] = world.events('flow-started');
  world.give('server', { type: 'cancel', flow: started!.flow, why: 'changed my mind' });
  world.settle();
  for (const one of world.held) world.work(one.peer, one);
  world.run();
  expect(world.events('flow-ended', 'phone')[0]?.causes[0]?.missing).toMatchObject({
    reason: 'cancelled',
    detail: 'changed my mind',
  });
  expect(world.node('phone').usage).toMatchObject({ flows: 0, work: 0 });
});
