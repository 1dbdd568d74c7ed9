// Places that a value decides: who started the flow, one or some of a set; several seats and entries in one program.

import { expect, test } from 'vitest';
import type { BinderKind, Edge, End } from '../../ir/deployment.ts';
import { decodeProgram, type LoadedBundle, type Value } from '../../runtime/index.ts';
import {
  call,
  core,
  edge,
  f32,
  makeBundle,
  numbers,
  type OpSpec,
  type ProgramSpec,
  peers,
  SECOND_NS,
} from './programs.ts';
import { World } from './world.ts';

const at = (seat: string, ...ops: readonly OpSpec[]): readonly OpSpec[] => ops.map((op) => ({ ...op, seat }));
const end = (name: string, seat: string): End => {
  const binder = seat.split('/')[1]!.split('.')[0] as BinderKind;
  return { class: name, binder, seat };
};
const between = (id: number, from: End, to: End, kind: Edge['kind'] = 'send'): Edge =>
  edge(id, kind, from.class, to.class, { from, to });
const seat = (name: string, inputs: readonly string[] = [], outputs: readonly string[] = []) => {
  const [entry, binder] = name.split('/') as [string, string];
  return { name, entry, binder: binder.split('.')[0] as BinderKind, inputs, outputs };
};
const sendTo = (id: number, ...inputs: readonly string[]): OpSpec => ({
  op: 'wire.Send',
  in: inputs,
  attributes: { edge: id },
});
const recvFrom = (id: number, out: string, ...set: readonly string[]): OpSpec => ({
  op: 'wire.Recv',
  in: set,
  out: [out],
  attributes: { edge: id },
});
const numbersOf = (value: Value | undefined): number[] | string =>
  value === undefined ? 'nothing' : 'reason' in value ? value.reason : numbers(value);

const members = { node: ['node/0', 'node/1', 'node/2'] };
const [me, one] = [end('node', 'main/me'), end('node', 'main/one.0')];

/** Asks one of a set for double of `x`, by way of two edges: there and back. */
function asking(set: readonly string[], more: Partial<ProgramSpec> = {}): LoadedBundle {
  return makeBundle({
    class: 'node',
    members,
    edges: [between(0, me, one), between(1, one, me)],
    seats: [seat('main/me', ['x'], ['y']), seat('main/one.0')],
    entries: [{ name: 'main', class: 'node', seat: 'main/me' }],
    inputs: ['x'],
    outputs: ['y'],
    constants: { set: peers(...set) },
    ops: [
      ...at('main/me', sendTo(0, 'x', 'set'), recvFrom(1, 'y', 'set')),
      ...at('main/one.0', recvFrom(0, 'xx'), call('double', ['xx'], ['yy']), sendTo(1, 'yy')),
    ],
    ...more,
  });
}
const double = {
  double: ([x]: readonly { readonly bytes: Uint8Array }[]) => [f32(...numbers(x as never).map((n) => 2 * n))],
};
const worldOf = (bundle: LoadedBundle): World =>
  new World(Object.fromEntries(bundle.manifest.members.node!.map((id) => [id, bundle])), double);

test('any member may start a flow, which comes back to it from the first of the set', () => {
  const world = worldOf(asking(['node/1', 'node/2']));
  for (const peer of ['node/0', 'node/2']) world.invoke(peer, { x: f32(3) });
  world.run();
  expect(numbersOf(world.output('node/0', 'y'))).toEqual([6]);
  expect(numbersOf(world.output('node/2', 'y'))).toEqual([6]);
  expect(world.events('flow-ended').map(({ status }) => status)).toEqual(Array(4).fill('complete'));
  expect(world.sent.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
    'node/0 node/1',
    'node/1 node/0',
    'node/1 node/2',
    'node/2 node/1',
  ]);
});

test('a member that is in two seats of a flow sends itself frames, and both seats end', () => {
  const world = worldOf(asking(['node/0']));
  world.invoke('node/0', { x: f32(3) });
  world.run();
  expect(numbersOf(world.output('node/0', 'y'))).toEqual([6]);
  expect(world.sent).toEqual([]);
  expect(world.events('flow-ended', 'node/0').map((event) => [event.seat, event.status])).toEqual([
    ['main/one.0', 'complete'],
    ['main/me', 'complete'],
  ]);
  expect(world.node('node/0').usage).toMatchObject({ flows: 0, bytes: 0, deadlines: 0 });
});

test('a set without a member of the class gets nothing, and nothing is waited for', () => {
  for (const set of [[], ['stranger']]) {
    const world = worldOf(asking(set));
    world.invoke('node/0', { x: f32(3) });
    world.run();
    expect(numbersOf(world.output('node/0', 'y'))).toBe('failed');
    expect([world.now, world.sent.length]).toEqual([0, 0]);
  }
});

test('a set that is missing makes what is bound by it missing, for the same reason', () => {
  const when = core('When', ['set', 'no'], ['chosen']);
  const bundle = asking(['node/1'], {
    constants: { set: peers('node/1'), no: { dtype: 'bool', dims: [], bytes: Uint8Array.of(0) } },
    ops: [
      ...at('main/me', when, sendTo(0, 'x', 'chosen'), recvFrom(1, 'y', 'chosen')),
      ...at('main/one.0', recvFrom(0, 'xx'), call('double', ['xx'], ['yy']), sendTo(1, 'yy')),
    ],
  });
  const world = worldOf(bundle);
  world.invoke('node/0', { x: f32(3) });
  world.run();
  expect(numbersOf(world.output('node/0', 'y'))).toBe('declined');
  expect(world.sent).toEqual([]);
});

test('whoever is not the one of the set is not heard, and a lost one is not waited for', () => {
  const world = worldOf(asking(['node/1']));
  world.silent.add('node/1');
  world.invoke('node/0', { x: f32(3) });
  world.settle();
  const [question] = world.sent;
  const answer = world.sent.at(-1)!;
  expect([question!.to, answer.from]).toEqual(['node/1', 'node/1']);
  world.give('node/0', { type: 'lost', peer: 'node/2' });
  expect(world.output('node/0', 'y')).toBeUndefined();
  world.give('node/0', { type: 'lost', peer: 'node/1' });
  expect(numbersOf(world.output('node/0', 'y'))).toBe('lost');
  // Known to be lost, it is not waited for in the next flow either.
  world.invoke('node/0', { x: f32(4) });
  expect(world.events('output', 'node/0').map(({ value }) => numbersOf(value))).toEqual(['lost', 'lost']);
});

test('another than the initiator cannot answer for it', () => {
  const world = worldOf(asking(['node/1']));
  world.invoke('node/0', { x: f32(3) });
  const [{ bytes }] = world.mail.splice(0) as [(typeof world.mail)[0]];
  world.give('node/1', { type: 'frame', from: 'node/2', bytes });
  expect(world.events('dropped', 'node/1').map(({ reason }) => reason)).toEqual(['sender']);
});

const [all, some] = [end('node', 'round/me'), end('node', 'round/some.0')];
/** The initiator asks some members for double of what it sends them, and collects the answers. */
const rounds = (set: OpSpec | undefined, collect: OpSpec['attributes'] = {}): LoadedBundle =>
  makeBundle({
    class: 'node',
    members,
    edges: [between(0, all, some, 'broadcast'), between(1, some, all, 'collect')],
    seats: [seat('round/me', ['x', 'who'], ['y', 'senders']), seat('round/some.0')],
    entries: [{ name: 'round', class: 'node', seat: 'round/me' }],
    inputs: ['x', 'who'],
    outputs: ['y', 'senders'],
    ops: [
      ...(set === undefined ? [] : at('round/me', set)),
      ...at('round/me', sendTo(0, 'x', 'who'), {
        op: 'wire.Collect',
        in: ['who'],
        out: ['y', 'senders'],
        attributes: { edges: [1], ...collect },
      }),
      ...at('round/some.0', recvFrom(0, 'xx'), call('double', ['xx'], ['yy']), sendTo(1, 'yy')),
    ],
  });
const textOf = (value: Value | undefined): string =>
  value !== undefined && 'bytes' in value ? new TextDecoder().decode(value.bytes) : 'nothing';

test('a collect from some waits for those of the set, in its order, each once', () => {
  const world = worldOf(rounds(undefined));
  world.invoke('node/0', { x: f32(1), who: peers('node/2', 'node/0', 'node/2', 'x') }, 'round');
  world.run();
  expect(numbersOf(world.output('node/0', 'y'))).toEqual([2, 2]);
  expect(textOf(world.output('node/0', 'senders'))).toMatch(/node\/2.*node\/0/s);
  expect(world.now).toBe(0);
  // An empty set is everybody that was asked.
  world.invoke('node/0', { x: f32(1), who: peers() }, 'round');
  world.run();
  expect(world.now).toBe(0);
});

test('answers that come before the set are kept for it, and those of others are let go', () => {
  const world = worldOf(rounds(undefined));
  world.invoke('node/0', { x: f32(1) }, 'round');
  const [flow] = world.events('input-wanted', 'node/0').map((event) => event.flow);
  // As if they had heard of it from elsewhere: the set comes last.
  const asked = worldOf(rounds(undefined));
  asked.invoke('node/0', { x: f32(5), who: peers('node/1', 'node/2') }, 'round');
  asked.settle();
  const answers = asked.sent.filter(({ to }) => to === 'node/0');
  for (const { from, bytes } of answers) world.give('node/0', { type: 'frame', from, bytes });
  expect(world.output('node/0', 'y')).toBeUndefined();
  world.give('node/0', { type: 'supply', flow: flow!, values: { who: peers('node/2') } });
  expect(numbersOf(world.output('node/0', 'y'))).toEqual([10]);
  world.run();
  expect(world.node('node/0').usage).toMatchObject({ flows: 0, bytes: 0 });
});

test('a quorum among some is counted of the set, and too few of it are told', () => {
  const world = worldOf(rounds(undefined, { at_least: 2, enough: 2 }));
  world.silent.add('node/1');
  world.invoke('node/0', { x: f32(1), who: peers('node/1', 'node/2') }, 'round');
  world.run();
  expect(world.now).toBe(10 * SECOND_NS);
  expect(world.events('quorum-missed')).toMatchObject([{ arrived: 1, needed: 2, known: 2 }]);
});

const entries: ProgramSpec = {
  class: 'node',
  members: { node: ['node/0'] },
  seats: [seat('count/me', [], ['n']), seat('reset/me', [], ['z'])],
  entries: [
    { name: 'count', class: 'node', seat: 'count/me' },
    { name: 'reset', class: 'node', seat: 'reset/me' },
  ],
  outputs: ['n', 'z'],
  constants: { zero: f32(0), no: { dtype: 'bool', dims: [], bytes: Uint8Array.of(0) } },
  ops: [],
};
const invoke = (
  entry: string,
  more: OpSpec['attributes'],
  args: readonly string[] = [],
  out: readonly string[] = [],
) => ({
  op: 'core.Invoke',
  in: args,
  out: [`${entry}ed`, ...out],
  attributes: { entry, ...(args.length > 0 && { arguments: out.map((name) => name) }), ...more },
});
const counting = (trigger: OpSpec['attributes'] = {}, limits: OpSpec['attributes'] = {}): LoadedBundle =>
  makeBundle({
    ...entries,
    ops: [
      ...at(
        'count/me',
        invoke('count', { ...trigger, ...limits }),
        { op: 'core.StateRead', in: ['zero'], out: ['c'], attributes: { key: 'c' }, fragment: 0 },
        call('double', ['c'], ['n'], 0),
        { op: 'core.StateAssign', in: ['n'], attributes: { key: 'c' }, fragment: 0 },
      ),
      ...at(
        'reset/me',
        invoke('reset', {}),
        { op: 'core.StateRead', in: ['zero'], out: ['old'], attributes: { key: 'c' }, fragment: 0 },
        call('fresh', ['old'], ['z'], 0),
        { op: 'core.StateAssign', in: ['z'], attributes: { key: 'c' }, fragment: 0 },
      ),
    ],
  });
const segments = { ...double, fresh: () => [f32(8)] };

test('entries of one program share its state, and a flow runs the ops of its own', () => {
  const world = new World({ 'node/0': counting() }, segments);
  world.invoke('node/0', {}, 'reset');
  world.invoke('node/0', {}, 'count');
  world.run();
  expect(world.events('output').map(({ name, value }) => [name, numbersOf(value)])).toEqual([
    ['z', [8]],
    ['n', [16]],
  ]);
  world.invoke('node/0', {}, 'main');
  expect(world.events('flow-refused').map(({ why }) => why)).toEqual(['no entry main']);
});

test('an interval starts flows from when the node is told to begin; missed ticks are one', () => {
  const world = new World({ 'node/0': counting({ trigger: 'interval', period_ns: SECOND_NS }) }, segments);
  expect(world.drain('node/0')).toBeUndefined();
  world.give('node/0', { type: 'begin' });
  expect(world.drain('node/0')).toBe(SECOND_NS);
  const until = (seconds: number): number => {
    world.now = seconds * SECOND_NS;
    world.drain('node/0');
    return world.events('flow-started').length;
  };
  expect([until(1), until(2), until(2.5), until(6.5), until(7)]).toEqual([1, 2, 2, 3, 4]);
  world.give('node/0', { type: 'shutdown' });
  expect([until(9), world.drain('node/0')]).toEqual([4, undefined]);
});

test('after fires once, however often the node is told to begin', () => {
  const world = new World({ 'node/0': counting({ trigger: 'after', period_ns: SECOND_NS }) }, segments);
  world.give('node/0', { type: 'begin' });
  world.run();
  world.give('node/0', { type: 'begin' });
  world.run();
  expect([world.now, world.events('flow-started').length]).toEqual([SECOND_NS, 1]);
});

test.each([
  ['wait', ['complete', 'complete', 'complete'], 0],
  ['refuse', ['complete'], 2],
  ['replace', ['failed', 'failed', 'complete'], 0],
])('beyond its limit an entry lets calls %s', (policy, ends, refused) => {
  const world = new World({ 'node/0': counting({}, { limit: 1, policy }) }, segments);
  world.holdWork = true;
  for (let times = 0; times < 3; times++) world.invoke('node/0', {}, 'count');
  world.holdWork = false;
  for (let work = world.held.shift(); work !== undefined; work = world.held.shift()) {
    world.work('node/0', work);
    world.run();
  }
  expect(world.events('flow-ended').map(({ status }) => status)).toEqual(ends);
  expect(world.events('flow-refused')).toHaveLength(refused);
  expect(world.node('node/0').usage).toMatchObject({ flows: 0, work: 0 });
});

test('start begins a session of its own, with the other entry and its arguments', () => {
  const bundle = makeBundle({
    ...entries,
    constants: { one: f32(1), yes: { dtype: 'bool', dims: [], bytes: Uint8Array.of(1) } },
    ops: [
      ...at('count/me', invoke('count', {}, ['one'], ['u']), call('double', ['u'], ['n']), {
        op: 'core.Start',
        in: ['yes', 'n'],
        attributes: { entry: 'reset' },
      }),
      ...at('reset/me', invoke('reset', {}, ['one'], ['v']), call('double', ['v'], ['z'])),
    ],
  });
  const world = new World({ 'node/0': bundle }, double);
  world.invoke('node/0', {}, 'count');
  world.run();
  expect(numbersOf(world.output('node/0', 'z'))).toEqual([4]);
  const [first, second] = world.events('flow-started');
  expect(second).toMatchObject({ opener: first!.flow });
  expect(second).not.toHaveProperty('session');
  expect(world.events('flow-ended').map(({ followers }) => followers)).toEqual([1, undefined]);
});

test('a program whose ops, edges or entries name a seat that is not there is refused', () => {
  const good = asking(['node/1']);
  const wrong = (manifest: Partial<LoadedBundle['manifest']>): (() => void) => {
    return () => void decodeProgram({ ...good, manifest: { ...good.manifest, ...manifest } });
  };
  expect(wrong({})).not.toThrow();
  expect(wrong({ seats: [seat('main/me')] })).toThrow('BB622');
  expect(wrong({ entries: [{ name: 'main', class: 'node', seat: 'other' }] })).toThrow('BB622');
});
