// Answers that come after their collect has closed, in sessions of rounds; and calls that wait for their turn.

import { expect, test } from 'vitest';
import { type Tensor, unpackStrings } from '../../ir/types.ts';
import type { Limits } from '../../runtime/index.ts';
import { call, core, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';
import { type Letter, World } from './world.ts';

const phones = ['p/0', 'p/1', 'p/2'];
const members = { server: ['s'], phone: phones };
const edges = [
  edge(0, 'broadcast', 'server', 'phone', { envelope: 0, dtype: 'bool', shape: [] }),
  edge(1, 'collect', 'phone', 'server', { envelope: 1 }),
  edge(2, 'collect', 'phone', 'server', { envelope: 2 }),
];
const entries = [{ name: 'round', class: 'server' }];

interface Policy {
  readonly late?: 'next' | 'drop';
  readonly enough?: number;
  readonly at_least?: number;
}

/** Each phone answers with its number and how often it was asked, in two envelopes. */
function rounds(policy: Policy, limits: Partial<Limits> = {}): World {
  const wait = { edges: [1, 2], deadline_ns: 10 * SECOND_NS, ...policy };
  const outputs = ['who', 'count', 'not', ...(policy.late === 'next' ? ['ages'] : [])];
  const [who, count, not, ...ages] = outputs as [string, string, string, ...string[]];
  const server = makeBundle({
    class: 'server',
    members,
    edges,
    entries,
    outputs: ['who', 'count', 'senders', 'not', ...ages],
    ops: [
      core('Invoke', [], ['started'], undefined, { entry: 'round' }),
      send(0, 'started'),
      { op: 'wire.Collect', out: [who, count, 'senders', not, ...ages], attributes: wait },
      core('Present', ['who'], ['ok']),
      core('Next', ['ok'], [], undefined, { entry: 'round' }),
    ],
  });
  const phone = makeBundle({
    class: 'phone',
    members,
    edges,
    entries,
    ops: [recv(0, 'go'), call('work', ['go'], ['a', 'b']), send(1, 'a'), send(2, 'b')],
  });
  const asked = new Map<string, number>();
  const work = (_: readonly Tensor[], peer: string): Tensor[] => {
    asked.set(peer, (asked.get(peer) ?? 0) + 1);
    return [f32(phones.indexOf(peer)), f32(asked.get(peer)!)];
  };
  return new World({ s: server, ...Object.fromEntries(phones.map((id) => [id, phone])) }, { work }, limits);
}

const start = (world: World, flows: number): void =>
  world.give('s', { type: 'invoke', entry: 'round', values: {}, flows });

/** Delivers all mail but that of `peer`, which is given. */
function without(world: World, peer: string): Letter[] {
  const kept: Letter[] = [];
  for (let letter = world.mail.shift(); letter !== undefined; letter = world.mail.shift()) {
    if (letter.from === peer) kept.push(letter);
    else world.deliver(letter);
  }
  return kept;
}

const rows = (world: World): (readonly [number, number, number])[] => {
  const [who, count] = ['who', 'count'].map((name) => numbers(world.output('s', name) as Tensor));
  const ages = new BigInt64Array((world.output('s', 'ages') as Tensor).bytes.slice().buffer);
  return who!.map((one, at) => [one, count![at]!, Number(ages[at])] as const);
};
const names = (world: World, output: string): string[] => {
  const { bytes, dims } = world.output('s', output) as Tensor;
  return unpackStrings(bytes, dims[0]!);
};

test('a late answer joins the next flow of its session beside the new one of its sender, whichever comes first', () => {
  for (const lateFirst of [true, false]) {
    const world = rounds({ late: 'next', at_least: 2 });
    start(world, 2);
    const late = without(world, 'p/1');
    // Nobody is left out before the deadline.
    expect(world.output('s', 'who')).toBeUndefined();
    world.now = world.drain('s')!;
    world.drain('s');
    expect(names(world, 'not')).toEqual(['p/1']);
    for (const letter of world.mail.splice(0)) world.deliver(letter);
    const fresh = world.mail.splice(0);
    for (const letter of lateFirst ? [...late, ...fresh] : [...fresh.slice(0, 4), ...late, ...fresh.slice(4)])
      world.deliver(letter);
    expect(rows(world)).toEqual([
      [0, 2, 0],
      [1, 1, 1],
      [1, 2, 0],
      [2, 2, 0],
    ]);
    expect(names(world, 'senders')).toEqual(['p/0', 'p/1', 'p/1', 'p/2']);
    expect(names(world, 'not')).toEqual([]);
  }
});

test('a late answer counts for the next flow’s quorum, and its sender’s own may be late again', () => {
  const world = rounds({ late: 'next', enough: 2 });
  start(world, 3);
  for (const letter of world.mail.splice(0)) world.deliver(letter);
  const answers = world.mail.splice(0);
  const of = (peer: string) => answers.filter(({ from }) => from === peer);
  for (const letter of [...of('p/0'), ...of('p/2')]) world.deliver(letter);
  expect(rows(world).map(([who]) => who)).toEqual([0, 2]);
  const asks = world.mail.splice(0);
  // One part of it, and the other.
  world.deliver(of('p/1')[0]!);
  expect(world.events('late-answer')).toEqual([]);
  world.deliver(of('p/1')[1]!);
  expect(world.events('late-answer', 's')).toMatchObject([{ from: 'p/1', kept: true }]);
  for (const letter of asks) world.deliver(letter);
  const second = world.mail.splice(0).filter(({ from }) => from !== 'p/1');
  for (const letter of second.filter(({ from }) => from === 'p/0')) world.deliver(letter);
  expect(rows(world)).toEqual([
    [0, 2, 0],
    [1, 1, 1],
  ]);
  expect(names(world, 'senders')).toEqual(['p/0', 'p/1']);
  expect(names(world, 'not')).toEqual(['p/2']);
  // Of the second round in the third: an age of one; and nothing of the first comes twice.
  for (const letter of [...of('p/1'), ...second.filter(({ from }) => from === 'p/2')]) world.deliver(letter);
  world.run();
  expect(rows(world).filter(([who]) => who === 2)).toEqual([[2, 2, 1]]);
  expect(rows(world).filter(([who]) => who === 1)).toEqual([]);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('what is dropped is told once for each answer, and nothing of it is held', () => {
  const world = rounds({ enough: 2 });
  start(world, 2);
  const late = without(world, 'p/1');
  for (const letter of [...late, ...late]) world.deliver(letter);
  expect(world.events('late-answer', 's')).toMatchObject([
    { from: 'p/1', kept: false },
    { from: 'p/1', kept: false },
  ]);
  expect(world.events('dropped', 's').every(({ reason }) => reason === 'late')).toBe(true);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('what comes when the session is over is dropped, and so is what it has kept', () => {
  const world = rounds({ late: 'next', enough: 2 });
  start(world, 1);
  for (const letter of without(world, 'p/1')) world.deliver(letter);
  expect(world.events('late-answer', 's')).toMatchObject([{ from: 'p/1', kept: false }]);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('an answer that is missing, or one that would take too much memory, is not kept', () => {
  const world = rounds({ late: 'next', enough: 2 }, { bytes: 1 });
  start(world, 2);
  for (const letter of without(world, 'p/1')) world.deliver(letter);
  expect(world.events('late-answer', 's').filter(({ kept }) => kept)).toEqual([]);
});

test('a call waits while as many flows of the entry are open as its limit says, in order', () => {
  const seat = makeBundle({
    class: 'server',
    members: { server: ['s'] },
    entries,
    inputs: ['x'],
    outputs: ['y'],
    ops: [
      core('Invoke', [], ['started'], undefined, { entry: 'round', limit: 2 }),
      core('When', ['x', 'started'], ['z']),
      call('work', ['z'], ['y']),
    ],
  });
  const world = new World({ s: seat }, { work: ([x]) => [x!] });
  world.holdWork = true;
  const x = f32(0);
  for (const request of [1, 2, 3, 4]) {
    new Float32Array(x.bytes.buffer)[0] = request;
    world.give('s', { type: 'invoke', entry: 'round', values: { x }, request });
  }
  const started = (): (number | undefined)[] => world.events('flow-started').map(({ request }) => request);
  expect(started()).toEqual([1, 2]);
  expect(world.node('s').openFlows).toBe(2);
  for (const work of world.held.splice(0)) world.work('s', work);
  world.drain('s');
  expect(started()).toEqual([1, 2, 3, 4]);
  for (const work of world.held.splice(0)) world.work('s', work);
  world.drain('s');
  // Each with the input that it was called with, though its caller has written over it since.
  const came = world.events('output').map(({ value }) => numbers(value as Tensor)[0]);
  expect(came).toEqual([1, 2, 3, 4]);
});

test('calls that wait when the node shuts down are refused', () => {
  const world = rounds({});
  start(world, 1);
  world.give('s', { type: 'invoke', entry: 'round', values: {}, request: 7 });
  world.give('s', { type: 'shutdown' });
  expect(world.events('flow-refused')).toMatchObject([{ request: 7, why: 'the node shuts down' }]);
});
