import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { entry, module, peer, start } from '../../dsl/index.ts';
import type { Tensor } from '../../ir/types.ts';
import {
  decodeFrame,
  decodeProgram,
  defaultLimits,
  encodeFrame,
  joinPieces,
  type Limits,
  Node,
  type NodeComponent,
  pieceBytes,
} from '../../runtime/index.ts';
import type { EnvelopeInit } from '../../runtime/wire/envelope.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { call, core, DEPLOYMENT, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';
import { World } from './world.ts';

const members = { a: ['a'], b: ['b'], c: ['c'] };
const typed = { dtype: 'float32', shape: [2] } as const;
const edges = [edge(0, 'send', 'a', 'b', typed), edge(1, 'send', 'c', 'b'), edge(2, 'send', 'b', 'a')];

/** b waits for a and c, and answers a. */
const world = (limits: Partial<Limits> = {}): World => {
  const a = makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['z'],
    ops: [send(0, 'x'), recv(2, 'z')],
  });
  const b = makeBundle({
    class: 'b',
    members,
    edges,
    ops: [recv(0, 'x'), recv(1, 'y'), call('first', ['x', 'y'], ['z']), send(2, 'z')],
  });
  const c = makeBundle({ class: 'c', members, edges, inputs: ['y'], ops: [send(1, 'y')] });
  return new World({ a, b, c }, { first: ([x]) => [x!] }, limits);
};

const frame = (value: EnvelopeInit, payloads: readonly Uint8Array[] = []): Uint8Array => {
  const pieces = encodeFrame({ deployment: DEPLOYMENT, sender: 'a', incarnation: 1, ...value }, payloads);
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return bytes;
};
const flow = (counter: number, initiator = 'a') => ({ initiated: { initiator, incarnation: 1, counter } });
const two = f32(1, 2).bytes;
const fill = { edge: 0, dtype: 1, dims: [2] };
const drops = (one: World) => one.events('dropped').map(({ reason }) => reason);
const give = (one: World, bytes: Uint8Array, from = 'a') => one.give('b', { type: 'frame', from, bytes });

describe('what arrives at a node', () => {
  test('a message of an ended flow does not revive it', () => {
    const one = world();
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    one.run();
    expect(one.now).toBe(10 * SECOND_NS);
    expect(one.node('b').openFlows).toBe(0);
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    expect(one.node('b').openFlows).toBe(0);
    expect(one.events('dropped', 'b')).toMatchObject([{ reason: 'late', from: 'a' }]);
    // And a itself, which never started it, takes no answer for it.
    expect(one.events('dropped', 'a')).toMatchObject([{ reason: 'late', from: 'b' }]);
  });

  test('memory of ended flows is bounded, and forgets none of them', () => {
    const one = world({ endedFlows: 8 });
    const missing = (id: number, counter: number, sender: string) =>
      frame({ sender, flow: flow(counter), fills: [{ edge: id, missing: { reason: 3, peer: 'q' } }] });
    const odd = Array.from({ length: 100 }, (_, index) => 2 * index + 1);
    for (const counter of odd) {
      give(one, missing(0, counter, 'a'));
      give(one, missing(1, counter, 'c'), 'c');
    }
    expect(one.events('flow-ended', 'b')).toHaveLength(100);
    for (const counter of odd) give(one, missing(0, counter, 'a'));
    expect(drops(one)).toEqual(odd.map(() => 'late'));
  });

  test('flows beyond the table are refused, and those who would wait hear of it at once', () => {
    const one = world({ flows: 2 });
    for (const counter of [1, 2, 3]) give(one, frame({ flow: flow(counter), fills: [fill] }, [two]));
    expect(one.node('b').openFlows).toBe(2);
    expect(drops(one)).toEqual(['limit']);
    const [letter] = one.sent;
    const decoded = decodeFrame(letter!.bytes, defaultLimits);
    expect(decoded).toMatchObject({
      frame: { envelope: { flow: flow(3), fills: [{ edge: 2, missing: { reason: 4, peer: 'b' } }] } },
    });
    one.run();
    expect(one.node('b').openFlows).toBe(0);
  });

  test('bytes beyond the budget are refused', () => {
    const one = world({ bytes: 1000 });
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    const large = { edge: 1, dtype: 1, dims: [2000] };
    give(one, frame({ sender: 'c', flow: flow(2), fills: [large] }, [new Uint8Array(8000)]), 'c');
    expect(one.node('b').openFlows).toBe(1);
    expect(drops(one)).toEqual(['limit']);
  });

  test('a fill from another peer than its edge is dropped', () => {
    const one = world();
    give(one, frame({ sender: 'c', flow: flow(1), fills: [fill] }, [two]), 'c');
    expect(drops(one)).toEqual(['binding']);
  });

  test('an envelope in the name of another peer is dropped', () => {
    const one = world();
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]), 'c');
    expect(drops(one)).toEqual(['sender']);
    expect(one.node('b').openFlows).toBe(0);
  });

  test('a second value for an edge is dropped', () => {
    const one = world();
    for (let times = 0; times < 2; times++) give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    expect(drops(one)).toEqual(['duplicate']);
  });

  test('a value of the wrong type is missing at once, with an event', () => {
    const one = world();
    give(one, frame({ flow: flow(1), fills: [{ ...fill, dims: [1, 2] }] }, [two]));
    give(
      one,
      frame({ sender: 'c', flow: flow(1), fills: [{ edge: 1, missing: { reason: 1, peer: 'c' } }] }),
      'c',
    );
    expect(drops(one)).toEqual(['type']);
    const [ended] = one.events('flow-ended', 'b');
    expect(ended?.causes[0]?.missing).toMatchObject({ reason: 'failed', peer: 'a', edge: 0 });
    expect(ended?.causes[0]?.missing.detail).toBe('float32[1, 2] where float32[2] belongs');
  });

  test('a codec is not asked for more numbers than there is room for, nor for others than its edge has', () => {
    // A twin's codec, where there is one, is asked the same.
    const asked = new Set<string>();
    const codec: NodeComponent = {
      roles: ['codec'],
      call({ inputs }) {
        asked.add(`${(inputs[1] as Tensor).dims}`);
        return [f32(1, 2)];
      },
    };
    const open = edge(0, 'send', 'a', 'b', { dtype: 'float32', shape: [null], codec: 'mine' });
    const program = { members, edges: [open, edge(1, 'send', 'a', 'b', { ...typed, codec: 'mine' })] };
    const a = makeBundle({ ...program, class: 'a', inputs: ['x'], ops: [send(0, 'x'), send(1, 'x')] });
    const b = makeBundle({ ...program, class: 'b', ops: [recv(0, 'x'), recv(1, 'y')] });
    const components = () => ({ 'codec mine': () => codec });
    const one = new World({ a, b }, {}, { bytes: 2 ** 20 }, { components });
    const coded = (number: number, at: number, dims: readonly number[]): void =>
      give(one, frame({ flow: flow(number), fills: [{ edge: at, dtype: 1, dims, codec: 1 }] }, [two]));
    for (const [number, dims] of [[2 ** 40], [2 ** 17], [1, 2], [2]].entries()) coded(number + 1, 0, dims);
    coded(4, 1, [3]);
    expect([...asked]).toEqual(['2']);
    expect(drops(one)).toEqual(['malformed', 'malformed', 'malformed', 'malformed']);
  });

  test('an unknown version or dtype is answered with a typed error, once', () => {
    const one = world();
    const later = frame({ flow: flow(1) });
    later[4] = 2;
    for (let times = 0; times < 3; times++) give(one, later);
    for (const counter of [1, 2])
      give(one, frame({ flow: flow(counter), fills: [{ ...fill, dtype: 99 }] }, [two]));
    const errors = one.sent.flatMap(({ to, bytes }) => {
      const decoded = decodeFrame(bytes, defaultLimits);
      return decoded.ok && decoded.frame.envelope.error
        ? [{ to, code: decoded.frame.envelope.error.code }]
        : [];
    });
    expect(errors).toEqual([
      { to: 'a', code: 1 },
      { to: 'a', code: 2 },
    ]);
    one.settle();
    expect(one.events('peer-error', 'a').map(({ code }) => code)).toEqual([1, 2]);
  });

  test('another deployment, an older incarnation, a joint flow and a stranger are dropped', () => {
    const one = world();
    give(one, frame({ deployment: 'other', flow: flow(1) }));
    give(one, frame({ incarnation: 5, flow: flow(1), fills: [] }));
    give(one, frame({ incarnation: 4, flow: flow(1) }));
    give(
      one,
      frame({ incarnation: 5, flow: { joint: { class: 'a', view: 1, n: 1 } }, fills: [fill] }, [two]),
    );
    give(one, frame({ sender: 'z', flow: flow(1) }), 'z');
    expect(drops(one)).toEqual(['deployment', 'sender', 'binding', 'sender']);
  });

  test('only the initiator can cancel a flow', () => {
    const one = world();
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    give(one, frame({ sender: 'c', flow: flow(1), cancel: { why: 'x' } }), 'c');
    expect(one.node('b').openFlows).toBe(1);
    give(one, frame({ flow: flow(1), cancel: { why: 'replaced' } }));
    expect(one.node('b').openFlows).toBe(0);
    expect(one.events('flow-ended', 'b')[0]?.causes[0]).toMatchObject({ missing: { reason: 'cancelled' } });
  });

  test('what a drop tells of a name that a peer made up is short', () => {
    const one = world();
    give(one, frame({ deployment: 'x'.repeat(100_000), flow: flow(1) }));
    give(one, frame({ flow: { initiated: { initiator: 'y'.repeat(100_000), incarnation: 1, counter: 1 } } }));
    expect(one.events('dropped').map(({ message }) => message.length)).toEqual([200, 200]);
  });

  test('drop events that nobody polls for are counted, not kept', () => {
    const one = world({ dropEvents: 3 });
    const node = one.node('b');
    for (let times = 0; times < 10; times++)
      node.handle(0, { type: 'frame', from: 'a', bytes: new Uint8Array(8) });
    one.drain('b');
    expect(one.events('dropped')).toHaveLength(3);
    give(one, new Uint8Array(8));
    expect(one.events('dropped').at(-1)?.unreported).toBe(7);
  });
});

describe('what one peer, one call or one result may take', () => {
  test('a peer that sends more than its part is refused, and others are not', () => {
    const one = world({ peerBytes: 3000 });
    for (const counter of [1, 2, 3, 4])
      give(one, frame({ flow: flow(counter), fills: [fill] }, [new Uint8Array(two)]));
    const many = f32(...Array(200).fill(1)).bytes;
    for (const counter of [5, 6, 7, 8])
      give(
        one,
        frame({ sender: 'c', flow: flow(counter), fills: [{ edge: 1, dtype: 1, dims: [200] }] }, [many]),
        'c',
      );
    expect(one.events('dropped', 'b')).toMatchObject([{ reason: 'limit', from: 'c' }]);
    give(one, frame({ flow: flow(9), fills: [fill] }, [two]));
    expect(one.events('dropped', 'b')).toHaveLength(1);
    expect(one.node('b').dropped).toEqual({ limit: 1 });
  });

  test('a peer that opens more flows than its part is refused, and others are not', () => {
    const one = world({ flows: 4, peerFlows: 2 });
    for (const counter of [1, 2, 3]) give(one, frame({ flow: flow(counter), fills: [fill] }, [two]));
    expect(one.events('dropped', 'b')).toMatchObject([{ reason: 'limit', from: 'a' }]);
    for (const counter of [4, 5])
      give(
        one,
        frame({ sender: 'c', flow: flow(counter), fills: [{ edge: 1, dtype: 1, dims: [2] }] }, [two]),
        'c',
      );
    expect(one.events('dropped', 'b')).toHaveLength(1);
    expect(one.node('b').openFlows).toBe(4);
  });

  test('a call with too many bytes is refused', () => {
    const one = world({ invokeBytes: 100 });
    one.invoke('a', { x: f32(...Array(26).fill(1)) });
    expect(one.events('flow-refused', 'a')).toMatchObject([{ why: 'a call with 104 bytes' }]);
    one.invoke('a', { x: f32(1, 2) });
    expect(one.events('flow-started', 'a')).toHaveLength(1);
  });

  test('results with too many bytes are a failure of their work', () => {
    const one = world({ completionBytes: 4 });
    give(one, frame({ flow: flow(1), fills: [fill] }, [two]));
    give(one, frame({ sender: 'c', flow: flow(1), fills: [{ edge: 1, dtype: 1, dims: [2] }] }, [two]), 'c');
    expect(one.events('work-failed', 'b')).toMatchObject([{ message: '8 bytes of results, where 4 may be' }]);
  });
});

test('flows that each start two more do not pile up: as many wait as may be open, the others are refused', () => {
  const server = peer('server');
  const fork = (): void => {
    start('one');
    start('two');
  };
  const forks = module('forks', () => {
    entry('one', server, fork);
    entry('two', server, fork);
  });
  const [first] = peersOf(deploymentInMemory(compiled(recorded(forks), topologyOf('server'))));
  const { bundle } = first!;
  const limits = { flows: 4 };
  const node = new Node({ program: decodeProgram(bundle), peer: 'server', incarnation: 1, limits });
  node.handle(0, { type: 'invoke', entry: 'one', values: {} });
  const count = { 'flow-started': 0, 'flow-refused': 0 };
  for (let at = 0; at < 1000; at++) {
    const output = node.poll(0);
    const kind = output.type === 'event' ? output.event.kind : '';
    if (kind === 'flow-started' || kind === 'flow-refused') count[kind]++;
  }
  const { 'flow-started': started, 'flow-refused': refused } = count;
  expect(started).toBeGreaterThan(100);
  const waiting = 1 + 2 * started - refused - started;
  expect(waiting).toBeGreaterThan(0);
  expect(waiting).toBeLessThanOrEqual(2 * limits.flows);
});

describe('misuse by the host', () => {
  test('is an event or a refusal, never an exception', () => {
    const one = world();
    const id = { kind: 'initiated', initiator: 'a', incarnation: 1, counter: 77 } as const;
    one.give('a', { type: 'invoke', entry: 'nothing', values: {}, request: 5 });
    one.give('b', { type: 'invoke', entry: 'main', values: {} });
    expect(one.events('flow-refused').map(({ request }) => request)).toEqual([5, undefined]);
    one.give('a', { type: 'done', work: 3, outputs: [f32(1)] });
    one.give('a', { type: 'failed', work: 3, message: '' });
    one.give('a', { type: 'supply', flow: id, values: {} });
    one.give('a', { type: 'cancel', flow: id });
    one.give('a', { type: 'lost', peer: 'nobody' });
    expect(drops(one)).toEqual(['late', 'late', 'late']);
    one.give('a', { type: 'shutdown' });
    one.invoke('a', { x: f32(1) });
    expect(one.events('flow-refused').at(-1)?.why).toBe('the node shuts down');
  });

  test('time that goes back is held', () => {
    const one = world();
    one.now = 5 * SECOND_NS;
    one.invoke('a', { x: f32(1, 2) });
    one.now = 0;
    expect(one.drain('a')).toBe(15 * SECOND_NS);
  });

  test('inputs that nobody supplies are missing at the deadline', () => {
    const one = world();
    one.invoke('a', {});
    expect(one.events('input-wanted', 'a')).toMatchObject([{ inputs: [{ name: 'x' }] }]);
    one.run();
    expect(one.events('flow-ended', 'a')[0]?.causes).toContainEqual({
      value: 'x',
      missing: { reason: 'timeout', peer: 'a' },
      deadlineNs: expect.any(Number),
    });
  });
});

test('work that never comes back is a timeout of this peer, frees its state, and is dropped when it does', () => {
  const key = { key: 'w' };
  const counter = makeBundle({
    class: 'a',
    members: { a: ['a'] },
    inputs: ['x'],
    outputs: ['y'],
    constants: { zero: f32(0) },
    ops: [
      core('StateRead', ['zero'], ['w'], 0, key),
      call('add', ['w', 'x'], ['y'], 0),
      core('StateAssign', ['y'], [], 0, key),
    ],
  });
  const world = new World(
    { a: counter },
    { add: ([x, y]: readonly Tensor[]) => [f32(numbers(x!)[0]! + numbers(y!)[0]!)] },
    { workNs: 60 * SECOND_NS },
  );
  world.holdWork = true;
  world.invoke('a', { x: f32(5) });
  world.invoke('a', { x: f32(7) });
  const [first] = world.held;
  world.holdWork = false;
  world.run();
  expect(world.now).toBe(60 * SECOND_NS);
  expect(world.events('output', 'a').map(({ value }) => value)).toMatchObject([
    { reason: 'timeout', peer: 'a' },
    { dtype: 'float32' },
  ]);
  expect(numbers(world.node('a').state.get('w')!)).toEqual([7]);
  expect(world.node('a').openFlows).toBe(0);
  world.work('a', first!);
  world.drain('a');
  expect(world.events('dropped', 'a')).toMatchObject([{ reason: 'late' }]);
  expect(numbers(world.node('a').state.get('w')!)).toEqual([7]);
});

test('no sequence of random envelopes throws, hangs or leaves a flow open for ever', () => {
  const small = fc.nat(4);
  const randomFill = fc.record(
    {
      edge: small,
      dtype: fc.nat(30),
      dims: fc.array(fc.oneof(small, fc.maxSafeNat()), { maxLength: 3 }),
      trigger: fc.boolean(),
      codec: fc.nat(1),
      seat: fc.array(small, { maxLength: 1 }),
      missing: fc.option(fc.record({ reason: fc.nat(9), peer: fc.string() }), { nil: undefined }),
    },
    { requiredKeys: ['edge', 'dtype'] },
  );
  const letter = fc.record({
    from: fc.constantFrom('a', 'c', 'z'),
    counter: small,
    initiator: fc.constantFrom('a', 'b', 'z'),
    fills: fc.array(randomFill, { maxLength: 3 }),
    payload: fc.uint8Array({ maxLength: 16 }),
    wait: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 12 }), (letters) => {
      const one = world({ flows: 3, bytes: 2000 });
      for (const { from, counter, initiator, fills, payload, wait } of letters) {
        one.now += wait * 3 * SECOND_NS;
        give(one, frame({ sender: from, flow: flow(counter, initiator), fills }, [payload]), from);
        expect(one.node('b').openFlows).toBeLessThanOrEqual(3);
      }
      one.run();
      for (const node of one.nodes.values()) expect(node.openFlows).toBe(0);
    }),
    { numRuns: 300 },
  );
});

describe('a place within another', () => {
  const around = { s: ['s'], h: ['h', 'h/m'], m: ['m/m', 'm'], b: ['b'] };
  const toB = { class: 'b', binder: 'some', within: ['h', 'm'] } as const;
  const fromM = { class: 'm', binder: 'some', within: ['h'] } as const;
  const within = [
    edge(0, 'broadcast', 'm', 'b', { ...typed, from: fromM, to: toB }),
    edge(1, 'send', 'b', 'm', { from: toB, to: fromM }),
    edge(2, 'broadcast', 'm', 'b', { ...typed, from: fromM, to: toB }),
  ];
  /** s asks members of h, these of m, and these b, which answers. */
  const nested = (limits: Partial<Limits> = {}): World => {
    const spec = { members: around, edges: within };
    const idle = { ...spec, edges: [], ops: [] };
    const ops = [recv(0, 'x'), recv(2, 'w'), call('work', ['x', 'w'], ['y']), send(1, 'y')];
    const b = makeBundle({ ...spec, class: 'b', ops });
    const others = Object.entries(around).flatMap(([name, ids]) =>
      name === 'b' ? [] : ids.map((id) => [id, makeBundle({ ...idle, class: name })] as const),
    );
    return new World({ b, ...Object.fromEntries(others) }, { work: ([x]) => [x!] }, limits);
  };
  const under = (counter: number, ...path: string[]) => ({ ...flow(counter), under: path });
  const both = { fills: [fill, { ...fill, edge: 2 }] };
  const by = (sender: string, at: ReturnType<typeof under>, more: EnvelopeInit = both) =>
    frame(
      { sender, flow: { ...at, initiated: { ...at.initiated, initiator: 's' } }, ...more },
      more.fills?.map(() => two),
    );

  test('is entered only by whom the frame comes from, in its class, as deep as it is', () => {
    const one = nested();
    const forged: readonly (readonly [from: string, path: readonly string[], why: string])[] = [
      ['m', [], 'binding'],
      ['m', ['m'], 'binding'],
      ['m', ['h', 'm/m'], 'binding'],
      ['m', ['m', 'm'], 'binding'],
      ['m', ['s', 'm'], 'binding'],
      ['m', ['nobody', 'm'], 'binding'],
      ['m', ['', 'm'], 'binding'],
      ['m', ['h', 'h', 'm'], 'binding'],
      ['m', ['__proto__', 'm'], 'binding'],
      ['m', [...Array<string>(1e5).fill('h'), 'm'], 'binding'],
      ['h', ['h', 'h'], 'binding'],
      ['h', ['h', 'm'], 'binding'],
      ['m', [...Array<string>(3e4).fill('h'.repeat(40)), 'm'], 'limit'],
    ];
    for (const [from, path] of forged) give(one, by(from, under(1, ...path), { fills: [fill] }), from);
    expect(drops(one)).toEqual(forged.map(([, , why]) => why));
    for (const { message } of one.events('dropped')) expect(message.length).toBeLessThan(1000);
    expect(one.node('b').openFlows).toBe(0);
    expect(one.sent).toEqual([]);
    give(one, by('m', under(1, 'h', 'm')), 'm');
    expect(one.sent).toMatchObject([{ from: 'b', to: 'm' }]);
  });

  test('has a flow for each path that leads there, also where names of peers could be read in two ways', () => {
    const one = nested();
    one.holdWork = true;
    give(one, by('m', under(1, 'h/m', 'm')), 'm');
    give(one, by('m/m', under(1, 'h', 'm/m')), 'm/m');
    expect(drops(one)).toEqual([]);
    expect(one.node('b').openFlows).toBe(2);
    one.holdWork = false;
    for (const work of one.held) one.work('b', work);
    one.drain('b');
    expect(one.sent.map(({ to }) => to)).toEqual(['m', 'm/m']);
    give(one, by('m', under(1, 'h', 'm')), 'm');
    expect(one.sent.map(({ to }) => to)).toEqual(['m', 'm/m', 'm']);
    for (const path of [
      ['h/m', 'm'],
      ['h', 'm/m'],
      ['h', 'm'],
    ])
      give(one, by(path[1]!, under(1, ...path)), path[1]);
    expect(drops(one)).toEqual(['late', 'late', 'late']);
  });

  test('is of its session whole, whatever path is claimed for that', () => {
    const one = nested();
    const session = { ...flow(3, 's'), under: Array<string>(1e5).fill('x') };
    give(one, by('m', under(4, 'h', 'm'), { ...both, session, step: 1 }), 'm');
    const decoded = decodeFrame(one.sent[0]!.bytes, defaultLimits);
    expect(decoded).toMatchObject({ frame: { envelope: { step: 1, session: { under: [] } } } });
  });

  test('is left where whoever bound it, or started the flow, cancels it, and for nobody else', () => {
    const one = nested();
    for (const from of ['m', 'm/m']) give(one, by(from, under(1, 'h', from), { fills: [fill] }), from);
    const cancel = (from: string, path: readonly string[]) =>
      give(one, by(from, under(1, ...path), { cancel: { why: 'x' } }), from);
    for (const from of ['h', 'm/m', 'b']) {
      cancel(from, ['h', 'm']);
      cancel(from, ['h/m', 'm']);
    }
    cancel('m', ['h/m', 'm']);
    cancel('m', ['h']);
    cancel('m', []);
    expect(one.node('b').openFlows).toBe(2);
    cancel('m', ['h', 'm']);
    expect(one.node('b').openFlows).toBe(1);
    cancel('s', ['h', 'm/m']);
    expect(one.node('b').openFlows).toBe(0);
  });

  test('holds no more flows of a peer than its part, whatever paths it claims', () => {
    const one = nested({ flows: 8, peerFlows: 2 });
    one.holdWork = true;
    for (const counter of [1, 2])
      for (const first of ['h', 'h/m']) give(one, by('m', under(counter, first, 'm')), 'm');
    expect(drops(one)).toContain('limit');
    const before = one.node('b').openFlows;
    give(one, by('m/m', under(1, 'h', 'm/m')), 'm/m');
    expect(one.node('b').openFlows).toBe(before + 1);
  });
});
