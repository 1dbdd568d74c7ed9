import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { isMissing } from '../../runtime/index.ts';
import { bool, call, core, edge, f32, makeBundle, numbers, type OpSpec, recv, send } from './programs.ts';
import { World } from './world.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b', { envelope: 0 }), edge(1, 'send', 'a', 'b', { envelope: 0 })];
const key = { key: 'w' };

/** One fragment of a: w := w + x, and sends the old and the new w to b. */
const counter: readonly OpSpec[] = [
  core('StateRead', ['zero'], ['w'], 1, key),
  call('add', ['w', 'x'], ['w1'], 1),
  core('StateAssign', ['w1'], [], 1, key),
  send(0, 'w', 1, { envelope: 0 }),
  send(1, 'w1', 1, { envelope: 0 }),
];
const add = ([x, y]: readonly Tensor[]) => [f32(numbers(x!)[0]! + numbers(y!)[0]!)];

const world = (
  ops: readonly OpSpec[] = counter,
  segments: ConstructorParameters<typeof World>[1] = { add },
) =>
  new World(
    {
      a: makeBundle({ class: 'a', members, edges, inputs: ['x', 'c'], constants: { zero: f32(0) }, ops }),
      b: makeBundle({
        class: 'b',
        members,
        edges,
        outputs: ['old', 'new'],
        ops: [recv(0, 'old'), recv(1, 'new')],
      }),
    },
    segments,
  );
const c = bool(true);
const stateOf = (one: World): number[] | undefined => {
  const state = one.node('a').state.get('w');
  return state && numbers(state);
};

describe('a fragment that assigns state', () => {
  test('commits its assignment and leaves its sends in one envelope', () => {
    const one = world();
    one.invoke('a', { x: f32(5), c });
    one.invoke('a', { x: f32(2), c });
    one.run();
    expect(stateOf(one)).toEqual([7]);
    expect(one.sent).toHaveLength(2);
    expect(one.events('output', 'b').map(({ value }) => numbers(value as Tensor)[0])).toEqual([0, 5, 5, 7]);
  });

  test('leaves no assignment and no send when its backend fails, and the next one goes on', () => {
    let fail = false;
    const one = world(counter, {
      add: (inputs) => {
        if (fail) throw new Error('broken');
        return add(inputs);
      },
    });
    one.invoke('a', { x: f32(5), c });
    fail = true;
    one.invoke('a', { x: f32(100), c });
    one.run();
    expect(stateOf(one)).toEqual([5]);
    const [, , old, fresh] = one.events('output', 'b').map(({ value }) => value);
    // Even the old value, which was there: the fragment sends nothing of what it knew.
    expect(old).toMatchObject({ reason: 'failed', peer: 'a' });
    expect(fresh).toMatchObject({ reason: 'failed', peer: 'a' });
    expect(one.now).toBe(0);
    fail = false;
    one.invoke('a', { x: f32(1), c });
    one.run();
    expect(stateOf(one)).toEqual([6]);
  });

  test('skips a declined assignment and is voided by any other missing one', () => {
    const ops = [
      core('StateRead', ['zero'], ['w'], 1, key),
      call('add', ['w', 'x'], ['w1'], 1),
      core('When', ['w1', 'c'], ['w2'], 1),
      core('StateAssign', ['w2'], [], 1, key),
      send(0, 'w', 1, { envelope: 0 }),
      send(1, 'w1', 1, { envelope: 0 }),
    ];
    const one = world(ops);
    one.invoke('a', { x: f32(5), c: bool(false) });
    one.run();
    expect(stateOf(one)).toBeUndefined();
    expect(numbers(one.output('b', 'new') as Tensor)).toEqual([5]);
    one.invoke('a', { x: f32(5), c: { reason: 'lost', peer: 'z' } });
    one.run();
    expect(stateOf(one)).toBeUndefined();
    expect(one.output('b', 'old')).toMatchObject({ reason: 'lost', peer: 'z' });
  });

  test('runs after the one that was ready first, while that one computes', () => {
    const one = world();
    one.holdWork = true;
    one.invoke('a', { x: f32(5), c });
    one.invoke('a', { x: f32(2), c });
    expect(one.held).toHaveLength(1);
    expect(one.sent).toHaveLength(0);
    one.work('a', one.held[0]!);
    one.drain('a');
    expect(one.held).toHaveLength(2);
    expect(numbers(one.held[1]!.inputs[0]!)).toEqual([5]);
    expect(one.sent).toHaveLength(1);
  });

  test('shows its values to later fragments only once it has committed', () => {
    const ops = [
      core('StateRead', ['zero'], ['w'], 1, key),
      call('add', ['w', 'x'], ['w1'], 1),
      call('break', ['w1'], ['w2'], 1),
      core('StateAssign', ['w2'], [], 1, key),
      send(0, 'w1', 2),
      send(1, 'w1', 2),
    ];
    const fails = () => {
      throw new Error('broken');
    };
    const one = world(ops, { add, break: fails });
    one.invoke('a', { x: f32(5), c });
    one.run();
    expect(isMissing(one.output('b', 'old')!)).toBe(true);
  });

  test('a read after an assignment in the same fragment sees the assigned value', () => {
    const ops = [
      core('StateAssign', ['x'], [], 1, key),
      core('StateRead', ['zero'], ['w'], 1, key),
      send(0, 'w', 1),
      send(1, 'w', 1),
    ];
    const one = world(ops);
    one.invoke('a', { x: f32(5), c });
    one.run();
    expect(numbers(one.output('b', 'old') as Tensor)).toEqual([5]);
  });

  test('a cancelled flow commits nothing and tells those who wait', () => {
    const one = world();
    one.holdWork = true;
    one.invoke('a', { x: f32(5), c });
    const { flow } = one.events('flow-started', 'a')[0]!;
    one.give('a', { type: 'cancel', flow });
    one.work('a', one.held[0]!);
    one.run();
    expect(stateOf(one)).toBeUndefined();
    expect(one.output('b', 'new')).toMatchObject({ reason: 'cancelled', peer: 'a' });
    expect(one.node('a').openFlows).toBe(0);
  });
});

describe('a fragment that only reads state', () => {
  test('sends as it goes and holds nobody up', () => {
    const ops = [
      core('StateRead', ['zero'], ['w'], 1, key),
      call('add', ['w', 'x'], ['y'], 1),
      send(0, 'w', 1, { envelope: 0 }),
      send(1, 'y', 1, { envelope: 1 }),
    ];
    const one = world(ops);
    one.holdWork = true;
    one.invoke('a', { x: f32(1), c });
    one.invoke('a', { x: f32(2), c });
    expect(one.held).toHaveLength(2);
    expect(one.sent).toHaveLength(2);
  });
});

test('a program whose fragment waits for itself is refused', () => {
  const ops = [
    core('StateAssign', ['x'], [], 1, key),
    call('add', ['x', 'x'], ['y'], 1),
    call('add', ['y', 'x'], ['z'], 2),
    core('StateAssign', ['z'], [], 1, { key: 'v' }),
  ];
  expect(() => world(ops)).toThrow(/BB622.*fragment 1 waits for itself/);
});
