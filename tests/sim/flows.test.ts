import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { call, core, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';
import { World } from './world.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'b', 'a')];

/** a doubles, b adds one, a gets it back. */
const pair = () => ({
  a: makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['z'],
    ops: [call('double', ['x'], ['y']), send(0, 'y'), recv(1, 'z')],
  }),
  b: makeBundle({
    class: 'b',
    members,
    edges,
    ops: [recv(0, 'y'), call('increment', ['y'], ['w']), send(1, 'w')],
  }),
});

const segments = {
  double: ([x]: readonly Tensor[]) => [f32(...numbers(x!).map((one) => 2 * one))],
  increment: ([x]: readonly Tensor[]) => [f32(...numbers(x!).map((one) => one + 1))],
};

describe('a flow over two nodes', () => {
  test('brings the value back and ends complete on both, with nothing left', () => {
    const world = new World(pair(), segments);
    world.invoke('a', { x: f32(1, 2, 3) });
    world.run();
    expect(numbers(world.output('a', 'z') as Tensor)).toEqual([3, 5, 7]);
    expect(world.events('flow-ended').map(({ status }) => status)).toEqual(['complete', 'complete']);
    for (const node of world.nodes.values()) expect(node.openFlows).toBe(0);
    expect(world.now).toBe(0);
  });

  test('a silent peer ends it at the deadline, naming peer and edge', () => {
    const world = new World(pair(), segments);
    world.silent.add('b');
    world.invoke('a', { x: f32(1) });
    world.run();
    const [ended] = world.events('flow-ended', 'a');
    expect(ended?.status).toBe('failed');
    expect(ended?.at).toBe(10 * SECOND_NS);
    expect(ended?.causes).toEqual([
      { value: 'v1', missing: { reason: 'timeout', peer: 'b', edge: 1 }, deadlineNs: 10 * SECOND_NS },
    ]);
    expect(world.output('a', 'z')).toEqual({ reason: 'timeout', peer: 'b', edge: 1 });
  });

  test('a failing backend is an event, and the receiver hears of it instead of waiting', () => {
    const world = new World(pair(), {
      ...segments,
      increment: () => {
        throw new Error('out of memory');
      },
    });
    world.invoke('a', { x: f32(1) });
    world.run();
    expect(world.now).toBe(0);
    expect(world.events('work-failed', 'b')).toMatchObject([
      { segment: 'increment', message: 'Error: out of memory' },
    ]);
    expect(world.output('a', 'z')).toMatchObject({ reason: 'failed', peer: 'b' });
  });

  test('several flows overlap without mixing', () => {
    const world = new World(pair(), segments);
    for (const x of [1, 10, 100]) world.invoke('a', { x: f32(x) });
    expect(world.node('a').openFlows).toBe(3);
    world.run();
    expect(world.events('output', 'a').map(({ value }) => numbers(value as Tensor))).toEqual([
      [3],
      [21],
      [201],
    ]);
  });
});

describe('missing values', () => {
  const one = (ops: Parameters<typeof makeBundle>[0]['ops'], outputs: string[]) =>
    new World(
      { a: makeBundle({ class: 'a', members: { a: ['a'] }, inputs: ['x', 'c'], outputs, ops }) },
      segments,
    );
  const yes: Tensor = { dtype: 'bool', dims: [], bytes: Uint8Array.of(1) };
  const no: Tensor = { ...yes, bytes: Uint8Array.of(0) };

  test('when declines on false whatever the value is, and passes it on true', () => {
    const ops = [
      core('When', ['x', 'c'], ['y']),
      core('Present', ['y'], ['p']),
      core('Reason', ['y'], ['r']),
    ];
    const world = one(ops, ['y', 'p']);
    world.invoke('a', { x: { reason: 'timeout', peer: 'b' }, c: no });
    expect(world.output('a', 'y')).toMatchObject({ reason: 'declined' });
    expect((world.output('a', 'p') as Tensor).bytes[0]).toBe(0);
    world.invoke('a', { x: f32(4), c: yes });
    expect(numbers(world.output('a', 'y') as Tensor)).toEqual([4]);
    expect((world.output('a', 'p') as Tensor).bytes[0]).toBe(1);
    world.invoke('a', { x: f32(4), c: { reason: 'lost', peer: 'b' } });
    expect(world.output('a', 'y')).toMatchObject({ reason: 'lost', peer: 'b' });
  });

  test('an op with a missing input does not run, orElse takes the other', () => {
    const ops = [call('double', ['x'], ['y']), core('OrElse', ['y', 'c'], ['z'])];
    const world = one(ops, ['y', 'z']);
    world.invoke('a', { x: { reason: 'refused', peer: 'q' }, c: f32(9) });
    expect(world.output('a', 'y')).toEqual({ reason: 'refused', peer: 'q' });
    expect(numbers(world.output('a', 'z') as Tensor)).toEqual([9]);
    expect(world.events('flow-ended')[0]?.ops).toBe(0);
  });
});

test('an output may be an input, a constant, or one value under two names', () => {
  const members = { a: ['a'] };
  const constants = { k: f32(7) };
  const ops = [call('double', ['x'], ['y'])];
  const world = new World(
    { a: makeBundle({ class: 'a', members, inputs: ['x'], outputs: ['x', 'k', 'y', 'y'], constants, ops }) },
    segments,
  );
  world.invoke('a', { x: f32(1) });
  const outputs = world.events('output').map(({ name, value }) => [name, ...numbers(value as Tensor)]);
  expect(outputs).toEqual([
    ['k', 7],
    ['x', 1],
    ['y', 2],
    ['y', 2],
  ]);
  expect(world.events('flow-ended')).toMatchObject([{ status: 'complete' }]);
});

describe('envelopes', () => {
  const sends = (extra: Parameters<typeof makeBundle>[0]['ops']) => {
    const both = [0, 1].map((id) => edge(id, 'send', 'a', 'b', { envelope: 7 }));
    const trigger = edge(2, 'trigger', 'a', 'b', { envelope: 8 });
    const all = [...both, trigger];
    const a = makeBundle({ class: 'a', members, edges: all, inputs: ['x', 'y'], ops: extra });
    const receives = [recv(0, 'x'), recv(1, 'y'), recv(2, 't')];
    const b = makeBundle({ class: 'b', members, edges: all, outputs: ['x', 'y', 't'], ops: receives });
    return new World({ a, b }, segments);
  };

  test('sends of one number leave together, when the last of them is there or missing', () => {
    const world = sends([send(0, 'x'), call('double', ['y'], ['z']), send(1, 'z'), send(2, 'x')]);
    world.holdWork = true;
    world.invoke('a', { x: f32(1), y: f32(2) });
    expect(world.sent).toHaveLength(1);
    world.work('a', world.held[0]!);
    world.run();
    expect(world.sent).toHaveLength(2);
    expect(numbers(world.output('b', 'y') as Tensor)).toEqual([4]);
  });

  test('a trigger wakes the receiver without a value, and needs none itself', () => {
    const world = sends([send(2, ''), send(0, 'x'), send(1, 'y')]);
    world.invoke('a', {});
    world.settle();
    expect(world.output('b', 't')).toEqual({ dtype: 'bool', dims: [], bytes: Uint8Array.of(1) });
    expect(world.node('b').openFlows).toBe(1);
  });
});

test('a value for another seat of the same peer passes through a frame of its own', () => {
  const self = [edge(0, 'send', 'a', 'a', { dtype: 'float32', shape: [1] })];
  const ops = [call('double', ['x'], ['y']), send(0, 'y'), recv(0, 'z')];
  const a = makeBundle({
    class: 'a',
    members: { a: ['a'] },
    edges: self,
    inputs: ['x'],
    outputs: ['z'],
    ops,
  });
  const world = new World({ a }, segments);
  world.invoke('a', { x: f32(2) });
  expect(numbers(world.output('a', 'z') as Tensor)).toEqual([4]);
  expect(world.sent).toHaveLength(0);
  // And what does not fit the edge is no more let through than from elsewhere.
  world.invoke('a', { x: f32(2, 3) });
  expect(world.output('a', 'z')).toMatchObject({ reason: 'failed' });
});

test('buffers are given away when nobody else reads them, and given back when nobody does', () => {
  const ops = [call('double', ['x'], ['y']), call('double', ['y'], ['z']), call('increment', ['y'], ['w'])];
  const a = makeBundle({ class: 'a', members: { a: ['a'] }, inputs: ['x'], outputs: ['z', 'w'], ops });
  const world = new World({ a }, segments);
  world.holdWork = true;
  world.invoke('a', { x: f32(2) });
  expect(world.held[0]!.transfer).toEqual([(world.held[0]!.inputs[0] as Tensor).bytes.buffer]);
  world.work('a', world.held[0]!);
  world.drain('a');
  // Two readers at work: neither may take it from the other.
  const [, first, second] = world.held;
  expect([first!.transfer, second!.transfer]).toEqual([[], []]);
  world.work('a', first!);
  world.drain('a');
  expect(world.released).toEqual([]);
  world.work('a', second!);
  world.drain('a');
  expect(world.released).toEqual([(first!.inputs[0] as Tensor).bytes.buffer]);
});
