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
