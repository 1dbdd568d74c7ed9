import { expect, test } from 'vitest';
import { type Tensor, unpackStrings } from '../../ir/types.ts';
import { call, edge, f32, makeBundle, numbers, type OpSpec, recv, SECOND_NS, send } from './programs.ts';
import { World } from './world.ts';

const phones = ['p/0', 'p/1', 'p/2', 'p/3', 'p/4'];
const members = { server: ['s'], phone: phones };
const edges = [
  edge(0, 'broadcast', 'server', 'phone', { envelope: 0 }),
  edge(1, 'collect', 'phone', 'server'),
];

const work = ([x]: readonly Tensor[], peer: string) => [f32(numbers(x!)[0]!, phones.indexOf(peer))];

const collect = (attributes: OpSpec['attributes'] = {}, segment: typeof work = work): World => {
  const wait = { edges: [1], deadline_ns: 10 * SECOND_NS, ...attributes };
  const server = makeBundle({
    class: 'server',
    members,
    edges,
    inputs: ['x'],
    outputs: ['all', 'who', 'not'],
    ops: [send(0, 'x'), { op: 'wire.Collect', out: ['all', 'who', 'not'], attributes: wait }],
  });
  const phone = makeBundle({
    class: 'phone',
    members,
    edges,
    ops: [recv(0, 'x'), call('work', ['x'], ['y']), send(1, 'y')],
  });
  const peers = { s: server, ...Object.fromEntries(phones.map((id) => [id, phone])) };
  return new World(peers, { work: segment });
};

const names = (tensor: Tensor): string[] => unpackStrings(tensor.bytes, tensor.dims[0]!);

function* permutations<T>(items: readonly T[]): Iterable<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries())
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
}

test('a collect of five gives the same bytes in all 120 orders of arrival', () => {
  const results = new Set<string>();
  let orders = 0;
  for (const order of permutations([0, 1, 2, 3, 4])) {
    const world = collect();
    world.invoke('s', { x: f32(9) });
    for (const letter of world.mail.splice(0)) world.deliver(letter);
    const answers = world.mail.splice(0);
    expect(answers).toHaveLength(5);
    for (const index of order) world.deliver(answers[index]!);
    const all = world.output('s', 'all') as Tensor;
    expect(all.dims).toEqual([5, 2]);
    results.add(`${all.bytes.join()} ${names(world.output('s', 'who') as Tensor).join()}`);
    orders++;
  }
  expect(orders).toBe(120);
  expect(results).toEqual(new Set([[...results][0]]));
  expect([...results][0]).toContain(phones.join());
});

test('without all answers it is missing at its deadline, naming the silent member', () => {
  const world = collect();
  world.silent.add('p/3');
  world.invoke('s', { x: f32(9) });
  world.run();
  expect(world.now).toBe(10 * SECOND_NS);
  expect(world.output('s', 'all')).toEqual({ reason: 'timeout', peer: 'p/3', edge: 1 });
  expect(world.events('flow-ended', 's')[0]?.causes).toMatchObject([{ missing: { peer: 'p/3', edge: 1 } }]);
});

test('with enough answers it has them in set order, and says who is missing', () => {
  const world = collect({ at_least: 3 });
  world.silent.add('p/1');
  world.invoke('s', { x: f32(9) });
  world.run();
  expect(numbers(world.output('s', 'all') as Tensor)).toEqual([9, 0, 9, 2, 9, 3, 9, 4]);
  expect(names(world.output('s', 'who') as Tensor)).toEqual(['p/0', 'p/2', 'p/3', 'p/4']);
  expect(names(world.output('s', 'not') as Tensor)).toEqual(['p/1']);
  expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'complete', causes: [] }]);
});

test('with enough answers it does not wait for the others', () => {
  const world = collect({ enough: 2 });
  for (const peer of ['p/0', 'p/1', 'p/4']) world.silent.add(peer);
  world.invoke('s', { x: f32(9) });
  world.settle();
  expect(names(world.output('s', 'who') as Tensor)).toEqual(['p/2', 'p/3']);
  expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'complete' }]);
});

test('members known to be lost are not waited for, and what comes late is dropped', () => {
  const world = collect({ at_least: 1 });
  world.invoke('s', { x: f32(9) });
  for (const letter of world.mail.splice(0)) world.deliver(letter);
  const answers = world.mail.splice(0);
  for (const peer of phones.slice(1)) world.give('s', { type: 'lost', peer });
  expect(world.output('s', 'all')).toBeUndefined();
  world.deliver(answers[0]!);
  expect(numbers(world.output('s', 'all') as Tensor)).toEqual([9, 0]);
  expect(world.now).toBe(0);
  world.deliver(answers[1]!);
  expect(world.events('late-answer', 's')).toMatchObject([{ from: 'p/1', kept: false }]);
  world.deliver(answers[1]!);
  expect(world.events('dropped', 's')).toMatchObject([{ reason: 'late', from: 'p/1' }]);
  expect(world.node('s').openFlows).toBe(0);
});

test('an answer that does not stack with the first is left out, whoever comes first', () => {
  const world = collect({ at_least: 2 }, (_, peer) => [peer === 'p/1' ? f32(1, 2, 3) : f32(1, 2)]);
  world.invoke('s', { x: f32(9) });
  world.run();
  expect(names(world.output('s', 'not') as Tensor)).toEqual(['p/1']);
});

test('without its quorum it says so: how many came, how many it takes, how many there are, and why', () => {
  const world = collect({ at_least: 4 });
  world.silent.add('p/1');
  world.invoke('s', { x: f32(9) });
  for (const letter of world.mail.splice(0)) world.deliver(letter);
  world.give('s', { type: 'lost', peer: 'p/4' });
  world.run();
  expect(world.output('s', 'all')).toMatchObject({ reason: 'timeout', peer: 'p/1' });
  expect(world.events('quorum-missed', 's')).toMatchObject([
    {
      peer: 's',
      arrived: 3,
      needed: 4,
      known: 5,
      causes: [
        { reason: 'timeout', peer: 'p/1' },
        { reason: 'lost', peer: 'p/4' },
      ],
    },
  ]);
});

test('with its quorum, or in a flow that is cancelled, it does not', () => {
  const world = collect({ at_least: 4 });
  world.silent.add('p/1');
  world.invoke('s', { x: f32(9) });
  world.run();
  world.invoke('s', { x: f32(9) });
  world.give('s', { type: 'cancel', flow: world.events('flow-started', 's')[1]!.flow });
  world.run();
  expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'complete' }, { status: 'failed' }]);
  expect(world.events('quorum-missed')).toEqual([]);
});

test('with vouched it takes only answers whose sender is known to be who it says; others are dropped, and told', () => {
  const worlds = [true, false].map((vouched) => {
    const world = collect({ at_least: 3, ...(vouched && { vouched: 1 }) });
    world.unproven.add('p/1');
    world.invoke('s', { x: f32(9) });
    world.run();
    return world;
  });
  const [strict, open] = worlds as [World, World];
  expect([strict.now, open.now]).toEqual([10 * SECOND_NS, 0]);
  expect(names(strict.output('s', 'who') as Tensor)).toEqual(['p/0', 'p/2', 'p/3', 'p/4']);
  expect(numbers(strict.output('s', 'all') as Tensor)).toEqual([9, 0, 9, 2, 9, 3, 9, 4]);
  expect(strict.events('dropped', 's')).toMatchObject([{ reason: 'unvouched', from: 'p/1', edge: 1 }]);
  expect(names(open.output('s', 'who') as Tensor)).toEqual(phones);
  expect(open.events('dropped', 's')).toEqual([]);
});

test('with vouched and too few who are vouched for it is missing at its deadline', () => {
  const world = collect({ vouched: 1 });
  world.unproven.add('p/3');
  world.invoke('s', { x: f32(9) });
  world.run();
  expect(world.output('s', 'all')).toMatchObject({ reason: 'timeout', peer: 'p/3', edge: 1 });
});

test('a forged answer in another’s name is not taken for it, nor instead of it', () => {
  const forger = collect({}, () => [f32(666)]);
  forger.invoke('s', { x: f32(9) });
  for (const letter of forger.mail.splice(0)) forger.deliver(letter);
  const forged = forger.mail.find(({ from }) => from === 'p/1')!;
  const world = collect({ vouched: 1 });
  world.invoke('s', { x: f32(9) });
  world.give('s', { type: 'frame', from: 'p/1', bytes: forged.bytes });
  world.run();
  expect(numbers(world.output('s', 'all') as Tensor)).toEqual([9, 0, 9, 1, 9, 2, 9, 3, 9, 4]);
});

test('in the order of arrival its rows stand as they came, those of its senders too', () => {
  for (const order of [
    [4, 1, 3, 0, 2],
    [2, 0, 1, 4, 3],
  ]) {
    const world = collect({ order: 'arrival', at_least: 4 });
    world.invoke('s', { x: f32(9) });
    for (const letter of world.mail.splice(0)) world.deliver(letter);
    const answers = world.mail.splice(0);
    for (const index of order.slice(0, 4)) world.deliver(answers[index]!);
    world.give('s', { type: 'lost', peer: phones[order[4]!]! });
    const came = order.slice(0, 4);
    expect(names(world.output('s', 'who') as Tensor)).toEqual(came.map((index) => phones[index]));
    expect(numbers(world.output('s', 'all') as Tensor)).toEqual(came.flatMap((index) => [9, index]));
    expect(names(world.output('s', 'not') as Tensor)).toEqual([phones[order[4]!]]);
  }
});
