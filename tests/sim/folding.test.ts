// Folds while answers still come: each is folded when all before it in set order are there.

import { describe, expect, test } from 'vitest';
import type { Edge } from '../../ir/deployment.ts';
import { type Tensor, unpackStrings } from '../../ir/types.ts';
import { decodeProgram } from '../../runtime/index.ts';
import {
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
import { type Letter, World } from './world.ts';

const phones = ['p/0', 'p/1', 'p/2', 'p/3', 'p/4'];
const members = { server: ['s'], phone: phones };
const edges = [
  edge(0, 'broadcast', 'server', 'phone', { envelope: 0 }),
  edge(1, 'collect', 'phone', 'server'),
];
const names = (tensor: unknown): string[] =>
  unpackStrings((tensor as Tensor).bytes, (tensor as Tensor).dims[0]!);

interface Folding {
  readonly attributes?: OpSpec['attributes'];
  /** Of the server; `more` ones come after its fold. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly before?: readonly OpSpec[];
  readonly more?: readonly OpSpec[];
  readonly initial?: string;
  /** By member: what it answers. */
  readonly answers?: (index: number) => Tensor;
  /** The edge of the answers. */
  readonly collected?: Edge;
}

/** Digits in the order in which they were folded, after a scale that is an input. */
function folding(options: Folding = {}): World {
  const {
    attributes = {},
    collected = edges[1]!,
    inputs = ['x', 'scale'],
    outputs = ['sum', 'who', 'not'],
    initial = 'zero',
  } = options;
  const collect: OpSpec = {
    op: 'wire.Collect',
    out: ['rows', 'who', 'not'],
    attributes: { edges: [1], deadline_ns: 10 * SECOND_NS, ...attributes },
  };
  const step = { ...call('step', [initial, 'rows', 'scale'], ['sum']), attributes: { fold: 1 } };
  const server = makeBundle({
    class: 'server',
    members,
    edges: [edges[0]!, collected],
    inputs,
    outputs,
    constants: { zero: f32(0) },
    ops: [send(0, 'x'), ...(options.before ?? []), collect, step, ...(options.more ?? [])],
  });
  const phone = makeBundle({
    class: 'phone',
    members,
    edges,
    ops: [recv(0, 'x'), call('work', ['x'], ['y']), send(1, 'y')],
  });
  const value = (tensor: Tensor | undefined): number => numbers(tensor!)[0]!;
  return new World(
    { s: server, ...Object.fromEntries(phones.map((id) => [id, phone])) },
    {
      work: (_, peer) => [options.answers?.(phones.indexOf(peer)) ?? f32(phones.indexOf(peer) + 1)],
      step: ([sum, answer, scale]) => [f32(value(sum) * 10 + value(answer) * value(scale))],
      add: ([x, y]) => [f32(value(x) + value(y))],
      half: ([x]) => [f32(value(x) / 2)],
    },
  );
}

/** The answers of all, in set order, which have not been delivered. */
function asked(
  world: World,
  values: Record<string, Tensor> = { x: f32(9), scale: f32(1) },
): readonly Letter[] {
  world.invoke('s', values);
  for (const letter of world.mail.splice(0)) world.deliver(letter);
  const answers = world.mail.splice(0);
  expect(answers.map(({ from }) => from)).toEqual(phones);
  return answers;
}

const stepsOf = (world: World): (readonly number[])[] =>
  world.held.filter(({ peer }) => peer === 's').map(({ inputs }) => inputs.map((one) => numbers(one)[0]!));

/** Lets the server's work be done, one after the other. */
function work(world: World): void {
  for (let one = world.held.shift(); one !== undefined; one = world.held.shift()) {
    world.work(one.peer, one);
    world.drain(one.peer);
  }
}

function* permutations<T>(items: readonly T[]): Iterable<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries())
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest];
}

test('an answer is folded when all before it in set order are there, one at a time; early ones are held', () => {
  const world = folding();
  world.holdWork = false;
  const answers = asked(world);
  world.holdWork = true;
  world.deliver(answers[2]!);
  expect(stepsOf(world)).toEqual([]);
  world.deliver(answers[0]!);
  expect(stepsOf(world)).toEqual([[0, 1, 1]]);
  world.deliver(answers[1]!);
  expect(stepsOf(world)).toEqual([[0, 1, 1]]);
  work(world);
  expect(world.held).toEqual([]);
  expect(world.output('s', 'sum')).toBeUndefined();
  world.deliver(answers[4]!);
  expect(stepsOf(world)).toEqual([]);
  world.deliver(answers[3]!);
  expect(stepsOf(world)).toEqual([[123, 4, 1]]);
  // Who answered is known; what comes of it is not yet.
  expect(names(world.output('s', 'who'))).toEqual(phones);
  expect(world.output('s', 'sum')).toBeUndefined();
  work(world);
  expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([12345]);
});

describe('whoever does not answer', () => {
  test('is passed over as soon as that is known', () => {
    const world = folding({ attributes: { at_least: 3 } });
    const answers = asked(world);
    world.holdWork = true;
    world.deliver(answers[1]!);
    world.give('s', { type: 'lost', peer: 'p/0' });
    expect(stepsOf(world)).toEqual([[0, 2, 1]]);
    work(world);
    for (const at of [3, 4]) world.deliver(answers[at]!);
    expect(stepsOf(world)).toEqual([]);
    world.give('s', { type: 'lost', peer: 'p/2' });
    work(world);
    expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([245]);
    expect(names(world.output('s', 'not'))).toEqual(['p/0', 'p/2']);
  });

  test('is passed over at the deadline, and the others are folded in their order', () => {
    const world = folding({ attributes: { at_least: 2 } });
    const answers = asked(world);
    for (const at of [4, 1, 3]) world.deliver(answers[at]!);
    world.run();
    expect(world.now).toBe(10 * SECOND_NS);
    expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([245]);
    expect(names(world.output('s', 'who'))).toEqual(['p/1', 'p/3', 'p/4']);
    world.deliver(answers[0]!);
    expect(world.events('late-answer', 's')).toMatchObject([{ from: 'p/0', kept: false }]);
    expect(world.node('s').usage.bytes).toBe(0);
  });

  test('makes the result missing where too few are left, whatever has been folded', () => {
    const world = folding({ attributes: { at_least: 4 } });
    const answers = asked(world);
    for (const at of [0, 1, 4]) world.deliver(answers[at]!);
    expect(world.node('s').usage.work).toBe(0);
    world.run();
    expect(world.output('s', 'sum')).toEqual({ reason: 'timeout', peer: 'p/2', edge: 1 });
    expect(world.events('quorum-missed', 's')).toMatchObject([{ arrived: 3, needed: 4, known: 5 }]);
    expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'failed' }]);
    expect(world.node('s').usage.bytes).toBe(0);
  });

  test('makes it missing also while an answer is being folded', () => {
    const world = folding({ attributes: { at_least: 4 } });
    const answers = asked(world);
    world.holdWork = true;
    for (const at of [0, 1, 4]) world.deliver(answers[at]!);
    world.now = 10 * SECOND_NS;
    world.drain('s');
    expect(world.output('s', 'sum')).toBeUndefined();
    work(world);
    expect(world.output('s', 'sum')).toEqual({ reason: 'timeout', peer: 'p/2', edge: 1 });
    expect(world.node('s').usage.bytes).toBe(0);
  });
});

test('with enough answers it closes, and those that came are folded in set order', () => {
  const world = folding({ attributes: { enough: 3 } });
  const answers = asked(world);
  world.holdWork = true;
  for (const at of [4, 0, 2]) world.deliver(answers[at]!);
  expect(names(world.output('s', 'who'))).toEqual(['p/0', 'p/2', 'p/4']);
  for (const at of [1, 3]) world.deliver(answers[at]!);
  work(world);
  expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([135]);
});

test('of nobody it is what it began with, where it is known how large an answer is', () => {
  const typed = edge(1, 'collect', 'phone', 'server', { dtype: 'float32', shape: [1] });
  for (const [collected, expected] of [
    [typed, f32(0)],
    [edges[1]!, { reason: 'timeout' }],
  ] as const) {
    const world = folding({ attributes: { at_least: 0 }, collected });
    asked(world);
    world.run();
    expect(world.output('s', 'sum')).toMatchObject(expected);
  }
});

test('with vouched, answers are folded of those only whose sender is known to be who it says', () => {
  const world = folding({ attributes: { vouched: 1, at_least: 3 } });
  const answers = asked(world);
  world.unproven.add('p/1');
  for (const letter of answers) world.deliver(letter);
  world.run();
  expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([1345]);
  expect(names(world.output('s', 'not'))).toEqual(['p/1']);
});

test('an answer that does not stack with the first in set order is left out, whichever comes first', () => {
  for (const order of [
    [0, 1, 2, 3, 4],
    [2, 1, 4, 3, 0],
  ]) {
    const world = folding({
      attributes: { at_least: 4 },
      answers: (index) => (index === 2 ? f32(3, 3) : f32(index + 1)),
    });
    const answers = asked(world);
    for (const index of order) world.deliver(answers[index]!);
    expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([1245]);
    expect(names(world.output('s', 'not'))).toEqual(['p/2']);
    expect(world.node('s').usage.bytes).toBe(0);
  }
});

describe('what it reads', () => {
  const initial = {
    before: [call('half', ['first'], ['begin'])],
    inputs: ['x', 'scale', 'first'],
    initial: 'begin',
  };

  test('is waited for, and the answers with it', () => {
    const world = folding(initial);
    world.invoke('s', { x: f32(9), scale: f32(1) });
    for (const letter of world.mail.splice(0)) world.deliver(letter);
    for (const letter of world.mail.splice(0)) world.deliver(letter);
    expect(names(world.output('s', 'who'))).toEqual(phones);
    expect(world.output('s', 'sum')).toBeUndefined();
    const [wanted] = world.events('input-wanted', 's');
    world.give('s', { type: 'supply', flow: wanted!.flow, values: { first: f32(14) } });
    expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([712345]);
    expect(world.node('s').usage.bytes).toBe(0);
  });

  test('may be missing, then so is the result, and no answer is held for it', () => {
    const world = folding({
      inputs: ['x', 'scale', 'c'],
      before: [core('When', ['zero', 'c'], ['begin'])],
      initial: 'begin',
    });
    const answers = asked(world, {
      x: f32(9),
      scale: f32(1),
      c: { dtype: 'bool', dims: [], bytes: Uint8Array.of(0) },
    });
    const before = world.node('s').usage.bytes;
    for (const at of [0, 1, 2]) world.deliver(answers[at]!);
    expect(world.node('s').usage.bytes).toBe(before);
    for (const at of [3, 4]) world.deliver(answers[at]!);
    expect(world.output('s', 'sum')).toMatchObject({ reason: 'declined' });
    expect(names(world.output('s', 'who'))).toEqual(phones);
    expect(world.node('s').usage.bytes).toBe(0);
  });
});

test('where folding fails the result is missing, and no further answer is held', () => {
  const world = folding();
  const answers = asked(world);
  world.holdWork = true;
  for (const at of [0, 1]) world.deliver(answers[at]!);
  const before = world.node('s').usage.bytes;
  const [first] = world.held.splice(0);
  world.give('s', { type: 'failed', work: first!.work, message: 'out of memory' });
  for (const at of [2, 3]) world.deliver(answers[at]!);
  expect(world.node('s').usage.bytes).toBeLessThanOrEqual(before);
  expect(world.output('s', 'sum')).toBeUndefined();
  world.deliver(answers[4]!);
  expect(world.held).toEqual([]);
  expect(world.output('s', 'sum')).toEqual({ reason: 'failed', peer: 's', detail: 'out of memory' });
  expect(names(world.output('s', 'who'))).toEqual(phones);
  expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'partial' }]);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('a flow cancelled while an answer is folded ends with that work, and holds nothing', () => {
  const world = folding();
  const answers = asked(world);
  world.holdWork = true;
  for (const at of [0, 1, 3]) world.deliver(answers[at]!);
  world.give('s', { type: 'cancel', flow: world.events('flow-started', 's')[0]!.flow, why: 'enough of it' });
  expect(world.events('flow-ended', 's')).toEqual([]);
  work(world);
  expect(world.output('s', 'sum')).toEqual({ reason: 'cancelled', peer: 's', detail: 'enough of it' });
  expect(world.events('flow-ended', 's')).toHaveLength(1);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('a flow cancelled between two answers ends at once', () => {
  const world = folding();
  const answers = asked(world);
  for (const at of [0, 1, 3]) world.deliver(answers[at]!);
  world.give('s', { type: 'cancel', flow: world.events('flow-started', 's')[0]!.flow, why: 'enough of it' });
  expect(world.events('flow-ended', 's')).toHaveLength(1);
  expect(world.node('s').usage.bytes).toBe(0);
});

test('folding is part of the wait: what is behind it claims state after the last answer only', () => {
  const world = folding({
    outputs: ['after'],
    more: [
      core('StateRead', ['zero'], ['old'], 1, { key: 'total' }),
      call('add', ['old', 'sum'], ['new'], 1),
      core('StateAssign', ['new'], [], 1, { key: 'total' }),
      call('half', ['new'], ['after'], 1),
    ],
  });
  const [first, second] = [asked(world), asked(world)];
  for (const letter of [...first.slice(0, 4), ...second]) world.deliver(letter);
  expect(numbers(world.node('s').state.get('total')!)).toEqual([12345]);
  world.deliver(first[4]!);
  expect(numbers(world.node('s').state.get('total')!)).toEqual([24690]);
  expect(numbers(world.output('s', 'after') as Tensor)).toEqual([12345]);
});

describe('a program is not taken', () => {
  const decoded = (step: OpSpec, out: readonly string[] = [], attributes: OpSpec['attributes'] = {}) =>
    decodeProgram(
      makeBundle({
        class: 'server',
        members,
        edges,
        inputs: ['x'],
        outputs: ['sum'],
        constants: { zero: f32(0) },
        ops: [
          send(0, 'x'),
          {
            op: 'wire.Collect',
            out: ['rows', 'who', 'not', ...out],
            attributes: { edges: [1], ...attributes },
          },
          step,
        ],
      }),
    );
  const step = (input: readonly string[], out: readonly string[] = ['sum']): OpSpec => ({
    ...call('step', input, out),
    attributes: { fold: 1 },
  });
  const sound = step(['zero', 'rows']);

  test('that folds late answers, or in the order of arrival', () => {
    expect(() => decoded(sound)).not.toThrow();
    expect(() => decoded(sound, ['ages'], { late: 'next' })).toThrow('BB622');
    expect(() => decoded(sound, [], { order: 'arrival' })).toThrow('BB622');
  });

  test.each([
    ['no Collect gives', step(['zero', 'x'])],
    ['are no answers', step(['zero', 'who'])],
    ['are more than answers', step(['zero', 'rows', 'who'])],
    ['stand where what it begins with belongs', step(['rows'])],
    ['it has fewer values for than results', step(['zero', 'rows'], ['sum', 'more'])],
  ])('that folds what %s', (_, op) => {
    expect(() => decoded(op)).toThrow('BB622');
  });
});

test('a fold of five gives the same in all 120 orders of arrival', () => {
  for (const order of permutations([0, 1, 2, 3, 4])) {
    const world = folding();
    const answers = asked(world);
    for (const index of order) world.deliver(answers[index]!);
    expect(numbers(world.output('s', 'sum') as Tensor)).toEqual([12345]);
    expect(names(world.output('s', 'who'))).toEqual(phones);
    expect(world.events('flow-ended', 's')).toMatchObject([{ status: 'complete', causes: [] }]);
    expect(world.node('s').usage.bytes).toBe(0);
  }
});
