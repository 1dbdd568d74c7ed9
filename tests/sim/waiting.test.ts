// What flows wait for can be told at any time: from whom, since when, until when.

import { expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { reportsOf, waitLines } from '../../runtime/host/observe/waiting.ts';
import { waitsOf } from '../../runtime/host/observe/waits.ts';
import type { LoadedBundle } from '../../runtime/index.ts';
import { call, core, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';
import { World } from './world.ts';

const double = ([x]: readonly Tensor[]) => [f32(...numbers(x!).map((one) => 2 * one))];

/** All that the peers of a world wait for, as lines. */
const linesOf = (world: World): readonly string[] =>
  waitLines([...world.nodes].flatMap(([peer, node]) => reportsOf(peer, node.waiting, world.now)));

const members = { server: ['server'], phone: ['phone/0', 'phone/1', 'phone/2'] };
const edges = [edge(0, 'broadcast', 'server', 'phone'), edge(1, 'collect', 'phone', 'server')];
const survey = (): Record<string, LoadedBundle> => {
  const phone = makeBundle({
    class: 'phone',
    members,
    edges,
    ops: [recv(0, 'x'), call('double', ['x'], ['y']), send(1, 'y')],
  });
  const server = makeBundle({
    class: 'server',
    members,
    edges,
    inputs: ['x', 'k'],
    outputs: ['all', 'k'],
    ops: [
      send(0, 'x'),
      {
        op: 'wire.Collect',
        out: ['all'],
        attributes: { edges: [1], at_least: 3, deadline_ns: 10 * SECOND_NS },
      },
    ],
  });
  return { server, 'phone/0': phone, 'phone/1': phone, 'phone/2': phone };
};

test('inputs that were not given, and answers that have not come, by member and with what is left of the time', () => {
  const world = new World(survey(), { double });
  world.silent.add('phone/1').add('phone/2');
  world.invoke('server', { x: f32(1) });
  world.settle();
  world.now = 4 * SECOND_NS;
  expect(linesOf(world)).toEqual([
    'server: flow server:1:1 waits for input k, for 4 s, at most 6 s more',
    'server: flow server:1:1 waits for answers of phone/1, phone/2 to all over edge 1, for 4 s, at most 6 s more',
  ]);
  world.run();
  expect(linesOf(world)).toEqual([]);
});

const chainMembers = { a: ['a'], b: ['b'], c: ['c'] };
const chainEdges = [
  edge(0, 'send', 'a', 'b', { value: 'hidden' }),
  edge(1, 'send', 'b', 'c', { value: 'scores' }),
  edge(2, 'send', 'c', 'a', { value: 'loss' }),
];
const common = { members: chainMembers, edges: chainEdges };
const around = () => ({
  a: makeBundle({
    ...common,
    class: 'a',
    inputs: ['x'],
    outputs: ['loss'],
    ops: [send(0, 'x'), recv(2, 'loss')],
  }),
  b: makeBundle({ ...common, class: 'b', ops: [recv(0, 'x'), call('double', ['x'], ['y']), send(1, 'y')] }),
  c: makeBundle({ ...common, class: 'c', ops: [recv(1, 'y'), send(2, 'y')] }),
});

test('what everything else waits for comes first: the work of a peer that the others have not heard of', () => {
  const world = new World(around(), { double });
  world.holdWork = true;
  world.invoke('a', { x: f32(1) });
  world.settle();
  world.now = 2 * SECOND_NS;
  expect(linesOf(world)).toEqual([
    'b: flow a:1:1 waits for double, which is being computed, for 2 s, at most 3600 s more',
    'a: flow a:1:1 waits for loss from c over edge 2, for 2 s, at most 8 s more',
  ]);
  world.work('b', world.held[0]!);
  world.run();
  expect(linesOf(world)).toEqual([]);
});

test('a state variable that another flow has claimed, and flows that are not begun yet', () => {
  const one = makeBundle({
    class: 'a',
    members: { a: ['a'] },
    inputs: ['x'],
    constants: { zero: f32(0) },
    ops: [
      core('Invoke', [], ['started'], undefined, { entry: 'round', limit: 2 }),
      core('StateRead', ['zero'], ['w'], 1, { key: 'total' }),
      call('double', ['w'], ['w1'], 1),
      core('StateAssign', ['w1'], [], 1, { key: 'total' }),
    ],
    entries: [{ name: 'round', class: 'a' }],
  });
  const world = new World({ a: one }, { double });
  world.holdWork = true;
  for (let flow = 0; flow < 4; flow++) world.invoke('a', { x: f32(1) }, 'round');
  world.now = SECOND_NS;
  expect(linesOf(world)).toEqual([
    'a: flow a:1:1 waits for double, which is being computed, for 1 s, at most 3600 s more',
    'a: flow a:1:2 waits for state total, which flow a:1:1 has claimed, for 1 s',
    'a: 2 flows of round wait for their turns behind flow a:1:1',
  ]);
});

test('as data: who, what, which line, which edge, from whom, since when and until when', () => {
  const world = new World(around(), { double });
  world.holdWork = true;
  world.invoke('a', { x: f32(1) });
  world.settle();
  const node = world.node('a');
  expect(reportsOf('a', node.waiting, 3 * SECOND_NS)).toEqual([
    {
      peer: 'a',
      kind: 'value',
      flow: 'a:1:1',
      name: 'loss',
      edge: 2,
      from: ['c'],
      forMs: 3000,
      leftMs: 7000,
    },
  ]);
  // It asks, and changes nothing.
  const before = node.usage;
  for (let time = 0; time < 10; time++) waitsOf(node.waiting);
  expect(node.usage).toEqual(before);
});

test('a long list is cut, and says so', () => {
  const report = { peer: 'a', kind: 'value', flow: 'a:1:1', name: 'x', from: ['b'] } as const;
  expect(waitLines(Array(30).fill(report), 20)).toHaveLength(21);
  expect(waitLines(Array(30).fill(report), 20).at(-1)).toBe('and 10 more');
  const many = {
    ...report,
    kind: 'answers',
    from: Array.from({ length: 100 }, (_, at) => `phone/${at}`),
  } as const;
  expect(waitLines([many])[0]).toBe(
    'a: flow a:1:1 waits for answers of phone/0, phone/1, phone/2, phone/3, phone/4, 95 more to x',
  );
});
