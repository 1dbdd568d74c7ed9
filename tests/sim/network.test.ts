// What nodes with adaptive networks promise each other, in virtual time.

import { describe, expect, test } from 'vitest';
import { typeHashOf } from '../../runtime/components/messages.ts';
import { waitsOf } from '../../runtime/host/observe/waits.ts';
import { isMissing } from '../../runtime/index.ts';
import type { MessageTypes } from '../../runtime/net/greeting.ts';
import { decode, string, type Table, table as tableOf, uint } from '../../runtime/proto/codec.ts';
import { type Envelope, envelope as table } from '../../runtime/wire/envelope.ts';
import { PREFIX_BYTES } from '../../runtime/wire/frame.ts';
import { FaultyWorld, pairOver } from '../support/faulty-link.ts';
import { call, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';
import type { Letter } from './world.ts';

const envelopeIn = ({ bytes }: Letter): Envelope => {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  return decode(table, bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
};
const outputs = (one: FaultyWorld, peer = 'a') =>
  one.events('output', peer).map(({ value }) => (isMissing(value) ? value.reason : numbers(value)[0]));

describe('a peer that falls silent', () => {
  test('is given up after a pause that is unusual for it, long before the deadline; a frame makes it known again', () => {
    let cut = false;
    const one = pairOver(({ from }) => (cut && from === 'b' ? [] : [5]), {
      network: () => ({ keepNs: 2 * SECOND_NS }),
    });
    one.invoke('a', { x: f32(1) });
    one.pass();
    cut = true;
    const began = one.now;
    one.invoke('a', { x: f32(2) });
    one.pass();
    const [suspected] = one.events('peer-suspected', 'a');
    expect(suspected).toMatchObject({ peer: 'b' });
    expect(suspected!.at - began).toBeLessThan(8 * SECOND_NS);
    expect(outputs(one)).toEqual([2, 'lost']);
    // Whoever asks again at once is told at once; later it is tried anew.
    one.invoke('a', { x: f32(3) });
    expect(outputs(one)).toEqual([2, 'lost', 'lost']);
    cut = false;
    one.pass(one.now + 60 * SECOND_NS);
    one.invoke('a', { x: f32(4) });
    one.pass();
    expect(outputs(one).at(-1)).toBe(8);
  });

  test('that computes for long, but answers when asked, is not given up', () => {
    const one = pairOver();
    one.holdWork = true;
    one.invoke('a', { x: f32(1) });
    one.pass(9 * SECOND_NS);
    expect(one.events('peer-suspected')).toEqual([]);
    one.holdWork = false;
    one.work('b', one.held[0]!);
    one.pass();
    expect(outputs(one)).toEqual([2]);
  });

  test('an idle node has nothing to do', () => {
    const one = pairOver();
    one.invoke('a', { x: f32(1) });
    one.pass();
    expect(['a', 'b'].map((peer) => one.drain(peer))).toEqual([undefined, undefined]);
  });
});

describe('time that is left', () => {
  const members = { a: ['a'], b: ['b'], c: ['c'] };
  const late = { deadlineNs: 8 * SECOND_NS };
  const edges = [
    edge(0, 'send', 'a', 'b'),
    edge(1, 'send', 'b', 'c'),
    edge(2, 'send', 'c', 'b', late),
    edge(3, 'send', 'b', 'a'),
  ];
  const bundle = (name: string, ops: Parameters<typeof makeBundle>[0]['ops'], outputs: string[] = []) =>
    makeBundle({ class: name, members, edges, inputs: name === 'a' ? ['x'] : [], outputs, ops });
  const chain = (bOutputs: string[]) => ({
    a: bundle('a', [send(0, 'x'), recv(3, 'z', 6 * SECOND_NS)], ['z']),
    b: bundle('b', [recv(0, 'x'), send(1, 'x'), recv(2, 'y', 8 * SECOND_NS), send(3, 'y')], bOutputs),
    c: bundle('c', [recv(1, 'x'), call('work', ['x'], ['y']), send(2, 'y')]),
  });
  const run = (bOutputs: string[]) => {
    const one = new FaultyWorld({
      bundles: chain(bOutputs),
      segments: { work: ([x]) => [x!] },
      fate: () => [200],
    });
    // A flow to measure round trips by, and then the one that matters.
    one.invoke('a', { x: f32(1) });
    one.pass();
    one.holdWork = true;
    const from = { sent: one.sent.length, ended: one.ended('b').length };
    const began = one.now;
    one.invoke('a', { x: f32(2) });
    one.pass(began + 2 * SECOND_NS);
    const waitNs = waitsOf(one.node('b').waiting)[0]!.untilNs! - began;
    one.pass();
    const [first] = one.sent
      .slice(from.sent)
      .map(envelopeIn)
      .filter(({ flow }) => flow !== undefined);
    const onward = one.sent.slice(from.sent).filter((one) => one.from === 'b' && one.to === 'c');
    const [, a] = one.ended('a');
    const [, b] = one.events('flow-ended', 'b');
    return { first: first!, onward: envelopeIn(onward[0]!), a: a!, b: b!, tookNs: b!.at - began, waitNs };
  };

  test('goes along with values: who answers only us gives up in time to say so', () => {
    const { first, onward, a, waitNs, tookNs } = run([]);
    // What it says that it waits for ends when it does.
    expect(waitNs).toBe(tookNs);
    expect(first.remainingDeadlineNs).toBe(6 * SECOND_NS);
    // b waits for c no longer than a waits for b, less the way back.
    expect(onward.remainingDeadlineNs).toBeLessThan(6 * SECOND_NS - 200e6);
    expect(a.causes[0]!.missing).toMatchObject({ reason: 'timeout', peer: 'c', edge: 2 });
  });

  test('is nobody else’s: what has an output of its own waits for as long as its author said', () => {
    const { a, tookNs } = run(['y']);
    expect(a.causes[0]!.missing).toMatchObject({ reason: 'timeout', peer: 'b', edge: 3 });
    expect(tookNs).toBeGreaterThanOrEqual(8 * SECOND_NS);
  });
});

describe('a receiver without room', () => {
  test('says so, and its senders wait until it has; no value is refused', () => {
    const one = pairOver(() => [5], { limits: { bytes: 40_000 } });
    one.holdWork = true;
    const big = f32(...Array.from({ length: 1000 }, (_, at) => at));
    for (let flow = 0; flow < 8; flow++) one.invoke('a', { x: big });
    one.pass(2 * SECOND_NS);
    expect(one.node('b').usage.bytes).toBeLessThanOrEqual(40_000 + 5000);
    for (let round = 0; round < 20; round++) {
      for (const held of one.held.splice(0)) one.work('b', held);
      one.pass(one.now + SECOND_NS / 4);
    }
    one.holdWork = false;
    for (const held of one.held.splice(0)) one.work('b', held);
    one.pass();
    expect(outputs(one)).toEqual(Array.from({ length: 8 }, () => 0));
    expect(one.events('dropped').filter(({ reason }) => reason === 'limit')).toEqual([]);
  });

  test('that never acknowledges costs no more than the queue may hold, and each frame beyond it is an event', () => {
    const one = pairOver(({ to }) => (to === 'b' ? [] : [5]), {
      network: () => ({ frames: 16, frameBytes: 20_000 }),
    });
    const big = f32(...Array.from({ length: 1000 }, (_, at) => at));
    let most = 0;
    for (let flow = 0; flow < 100; flow++) {
      one.invoke('a', { x: big });
      one.pass(one.now + SECOND_NS / 100);
      most = Math.max(most, one.node('a').usage.bytes);
    }
    expect(most).toBeLessThanOrEqual(20_000);
    expect(one.node('a').network!.givenUp).toBeGreaterThan(90);
    expect(one.events('dropped', 'a').filter(({ reason }) => reason === 'unsent').length).toBeGreaterThan(50);
    one.pass();
    expect(one.node('a').usage.bytes).toBe(0);
    expect(one.ended('a')).toHaveLength(100);
  });
});

describe('versions', () => {
  const over = (a: readonly [number, number] | null, b: readonly [number, number] | null) => {
    const one = pairOver(() => [5], {
      network: (peer) => {
        const versions = peer === 'a' ? a : b;
        return versions && { versions };
      },
    });
    one.invoke('a', { x: f32(1) });
    one.pass();
    return one;
  };

  test.each([
    ['1.1 with 1.0', [0x100, 0x101], [0x100, 0x100]],
    ['1.0 with 1.1', [0x100, 0x100], [0x100, 0x101]],
    ['1.1 with 1.2', [0x100, 0x101], [0x100, 0x102]],
    ['1.1 with a node without a network', [0x100, 0x101], null],
    ['a node without a network with 1.1', null, [0x100, 0x101]],
  ] as const)('%s: they talk', (_, a, b) => {
    const one = over(a, b);
    expect(outputs(one)).toEqual([2]);
    expect(one.told.filter(({ event }) => event.kind === 'mismatch' || event.kind === 'dropped')).toEqual([]);
    for (const peer of ['a', 'b']) expect(one.node(peer).usage.bytes).toBe(0);
  });

  test('without one in common both say which they speak, and the flow ends', () => {
    const one = over([0x101, 0x101], [0x102, 0x103]);
    expect(one.events('mismatch', 'b')).toMatchObject([
      { peer: 'a', what: 'version', message: 'it speaks wire version 1.1, we speak 1.2 to 1.3' },
    ]);
    expect(one.events('peer-error', 'a')).toMatchObject([
      { from: 'b', code: 1, message: 'it speaks wire version 1.1, we speak 1.2 to 1.3' },
    ]);
    expect(outputs(one)).toEqual(['timeout']);
    const plain = over([0x101, 0x101], null);
    expect(plain.events('mismatch', 'a')).toMatchObject([
      { message: 'it speaks wire version 1.0, we speak 1.1' },
    ]);
  });

  test('what both mean by an edge is held against each other at first contact, and a difference names both', () => {
    const members = { a: ['a'], b: ['b'] };
    const edgesAt = (shape: number[]) => [edge(0, 'send', 'a', 'b', { dtype: 'float32', shape })];
    const a = makeBundle({ class: 'a', members, edges: edgesAt([2]), inputs: ['x'], ops: [send(0, 'x')] });
    const other = makeBundle({ class: 'b', members, edges: edgesAt([3]), ops: [recv(0, 'x')] });
    const b = { ...other, manifest: { ...other.manifest, deployment: 'e'.repeat(64) } };
    const one = new FaultyWorld({ bundles: { a, b }, fate: () => [5] });
    one.invoke('a', { x: f32(1, 2) });
    one.pass();
    const [told] = one.events('mismatch', 'b');
    expect(told!.message).toBe('edge 0: v0, send from a to b, float32[3], raw');
    const [heard] = one.events('peer-error', 'a');
    expect(heard!.message).toBe(
      'edge 0: v0, send from a to b, float32[3], raw; here it is v0, send from a to b, float32[2], raw',
    );
  });

  test('messages of components that both have are held against each other, too', () => {
    const greeted = (a: MessageTypes, b: MessageTypes) => {
      const one = pairOver(() => [5], { network: (peer) => ({ messages: peer === 'a' ? a : b }) });
      one.invoke('a', { x: f32(1) });
      one.pass();
      return one;
    };
    const ping = (schema: Table<unknown>) => ({ 'probe.ping': typeHashOf(schema) });
    const [here, there] = [
      ping(tableOf({ text: string(1) })),
      ping(tableOf({ text: string(1), count: uint(2) })),
    ];
    expect(greeted(here, { ...here, 'other.pong': 7n }).events('mismatch')).toEqual([]);
    const one = greeted(here, there);
    for (const [peer, from, own] of [
      ['a', 'b', here],
      ['b', 'a', there],
    ] as const) {
      const message = `message probe.ping: type ${own['probe.ping'].toString(16)}`;
      expect(one.events('mismatch', peer)).toMatchObject([{ peer: from, what: 'type', message }]);
      expect(one.events('peer-error', from)).toMatchObject([{ from: peer, code: 2, message }]);
    }
    // Values go on between them.
    expect(outputs(one)).toEqual([2]);
  });
});

describe('peer policy', () => {
  test('a blocked peer is not heard, until the host says otherwise', () => {
    const { policy } = {
      policy: { block: ['a'], allow: [], score: 100, pointNs: 1e8, cooldownNs: 1e10, longestNs: 1e11 },
    };
    const one = pairOver(() => [5], { network: (peer) => (peer === 'b' ? { policy } : {}) });
    one.invoke('a', { x: f32(1) });
    one.pass(SECOND_NS);
    expect(one.node('b').openFlows).toBe(0);
    expect(one.node('b').network!.shut).toBeGreaterThan(0);
    one.give('b', { type: 'policy', block: [] });
    one.pass();
    expect(outputs(one)).toEqual([2]);
  });

  test('garbage closes the door for a while, which is one event, and what was sent meanwhile arrives later', () => {
    const one = pairOver();
    for (let at = 0; at < 1000; at++)
      one.give('b', { type: 'frame', from: 'a', bytes: Uint8Array.of(1, 2, 3) });
    expect(one.events('peer-shut-out', 'b')).toMatchObject([{ peer: 'a', why: 'malformed' }]);
    expect(one.events('dropped', 'b').length).toBeLessThan(30);
    expect(one.node('b').network!.shut).toBeGreaterThan(900);
    one.pass(9 * SECOND_NS);
    one.invoke('a', { x: f32(4) });
    one.pass();
    expect(outputs(one)).toEqual([8]);
  });
});
