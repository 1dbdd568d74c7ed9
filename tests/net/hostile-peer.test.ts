// A member that proves who it is and then misbehaves: the others count what it does, and finish their flows.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Tensor } from '../../ir/index.ts';
import { type PeerEvent, type PeerHost, startPeer } from '../../runtime/host/index.ts';
import {
  formatAddress,
  parseAddress,
  startWebSockets,
  type WebSocketOptions,
  type WebSocketTransport,
} from '../../runtime/host/node.ts';
import { DialerHandshake } from '../../runtime/host/websocket/handshake.ts';
import { type Backend, encodeFrame, type LoadedBundle } from '../../runtime/index.ts';
import { DEPLOYMENT, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from '../sim/programs.ts';

const members = { a: ['a'], b: ['b'], c: ['c'] };
const token = Buffer.from('a token of some length');
// a asks b; b also waits for c, but its answer does not.
const edges = [
  edge(0, 'send', 'a', 'b'),
  edge(1, 'send', 'b', 'a'),
  edge(2, 'send', 'c', 'b', { dtype: 'float32', shape: [2] }),
];
const bundles = {
  a: makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['z'],
    ops: [send(0, 'x'), recv(1, 'z', 30 * SECOND_NS)],
  }),
  b: makeBundle({
    class: 'b',
    members,
    edges,
    ops: [recv(0, 'x', 30 * SECOND_NS), recv(2, 'w', 30 * SECOND_NS), send(1, 'x')],
  }),
};
const backend: Backend = {
  name: 'none',
  load: () => Promise.reject(new Error('there are no segments')),
  close: () => Promise.resolve(),
};

type Limits = NonNullable<WebSocketOptions['limits']>;
const limits: Limits = { frameBytes: 2 ** 20, incomingBytes: 2 ** 20, burst: 5000, heartbeatNs: 100e6 };

/** Events of the honest peers, and who waits for one. */
class Log {
  readonly events: PeerEvent[] = [];
  readonly #watchers = new Set<() => void>();

  readonly note = (event: PeerEvent): void => {
    this.events.push(event);
    for (const watch of [...this.#watchers]) watch();
  };

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = (): void => {
        if (!holds()) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  count(wanted: Partial<Record<string, unknown>>): number {
    const matches = (event: PeerEvent): boolean =>
      Object.entries(wanted).every(([key, value]) => (event as Record<string, unknown>)[key] === value);
    return this.events
      .filter(matches)
      .reduce((sum, event) => sum + 1 + (event.kind === 'dropped' ? event.unreported : 0), 0);
  }
}

let [a, b]: PeerHost[] = [];
let [logA, logB] = [new Log(), new Log()];
let url = '';

async function start(bundle: LoadedBundle, log: Log, dial?: string): Promise<PeerHost> {
  const peer = bundle.manifest.class;
  let transport: WebSocketTransport | undefined;
  const host = await startPeer({
    peer,
    bundle,
    backend,
    incarnation: 1,
    connect: async (user, pool) => {
      const identity = { deployment: DEPLOYMENT, peer, incarnation: 1, members: new Set('abc'), token };
      const listen = [{ host: '127.0.0.1', port: 0, secure: false }];
      const target = dial === undefined ? [] : [{ peer: 'b', addresses: [parseAddress(dial)!] }];
      transport = await startWebSockets({ identity, listen, dial: target, limits, pool }, user);
      return transport;
    },
    onEvent: log.note,
  });
  if (dial === undefined) url = formatAddress(transport!.addresses[0]!);
  return host;
}

beforeEach(async () => {
  [logA, logB] = [new Log(), new Log()];
  b = await start(bundles.b, logB);
  a = await start(bundles.a, logA, url);
  await logA.until(() => logA.count({ kind: 'connected', peer: 'b' }) > 0);
});
afterEach(async () => {
  await Promise.all([a?.close(), b?.close()]);
});

let request = 0;
/** A flow among the honest, from its start to its output. */
async function honestFlow(): Promise<void> {
  const value = ++request;
  a!.invoke('main', { x: f32(value, value) }, value);
  const outputs = () =>
    logA.events.flatMap((event) => (event.kind === 'output' ? [numbers(event.value as Tensor)[0]] : []));
  await logA.until(() => outputs().includes(value));
}

/** A connection of c that has proven itself. */
function intrude(incarnation = 1): Promise<WebSocket> {
  const identity = { deployment: DEPLOYMENT, peer: 'c', incarnation, members: new Set('abc'), token };
  const machine = new DialerHandshake({ identity, nonce: '1'.repeat(64), certified: undefined, to: 'b' });
  const ws = new WebSocket(url, ['bbc.1'], { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('open', () => ws.send(machine.start()));
    const hear = (data: unknown): void => {
      const step = machine.receive(String(data));
      if (step.kind === 'send') return ws.send(step.text);
      ws.off('message', hear);
      if (step.kind === 'proven') resolve(ws);
      else reject(new Error(step.refusal.why));
    };
    ws.on('message', hear);
  });
}

/** What c may send: its value for a flow of a's. */
const frameOf = (counter: number, sender = 'c', edgeId = 2): Buffer =>
  Buffer.concat(
    encodeFrame(
      {
        deployment: DEPLOYMENT,
        sender,
        incarnation: 1,
        sequence: 1,
        flow: { initiated: { initiator: 'a', incarnation: 1, counter } },
        fills: [{ edge: edgeId, dtype: 1, dims: [2] }],
      },
      [new Uint8Array(8)],
    ),
  );
/** A frame's first bytes, which say that it is this long. */
function announcing(total: number, sent: number): Buffer {
  const bytes = Buffer.alloc(sent, frameOf(1).subarray(0, 64));
  bytes.writeUInt32LE(total, 16);
  return bytes;
}
const disconnected = (why: string): boolean => logB.count({ kind: 'disconnected', peer: 'c', why }) > 0;

test('one that speaks rubbish as frames is left', async () => {
  const ws = await intrude();
  ws.send(Buffer.alloc(100_000, 'rubbish'));
  await logB.until(() => disconnected('it sent what is no frame'));
  await honestFlow();
});

test('one that speaks rubbish in notes and envelopes is not listened to', async () => {
  const ws = await intrude();
  const status = { peer: '__proto__', incarnation: 1e308, version: -1, ready: true, neighbours: ['z'] };
  for (const note of [
    'hello',
    '{',
    'null',
    '[]',
    '['.repeat(500_000),
    '{"status":7}',
    '{"status":[null,[],{}]}',
    JSON.stringify({ status: [status, { ...status, peer: 'b' }, { ...status, neighbours: [1] }] }),
  ])
    ws.send(note);
  const frame = frameOf(1);
  for (let at = 64 - 40; at < 64; at++) {
    const changed = Buffer.from(frame);
    changed[at]! ^= 0xff;
    ws.send(changed);
  }
  await logB.until(() => logB.count({ kind: 'dropped', from: 'c' }) > 0);
  await honestFlow();
  expect(logB.count({ kind: 'disconnected', peer: 'c' })).toBe(0);
});

test('one that connects again and again has one connection', async () => {
  const times = 60;
  for (let incarnation = 1; incarnation <= times; incarnation++) {
    await intrude(incarnation);
    if (incarnation % 20 === 0) await honestFlow();
  }
  await logB.until(() => logB.count({ kind: 'connected', peer: 'c' }) === times);
  expect(logB.count({ kind: 'disconnected', peer: 'c', why: 'a newer connection took its place' })).toBe(
    times - 1,
  );
  await honestFlow();
});

test('one that stops reading is left, and keeps nobody waiting', async () => {
  const ws = await intrude();
  ws.pause();
  await honestFlow();
  await logB.until(() => logB.events.some((one) => one.kind === 'disconnected' && one.peer === 'c'));
  ws.terminate();
  await honestFlow();
});

test('frames larger than allowed are not taken in, each counted', async () => {
  const ws = await intrude();
  const chunk = Buffer.alloc(2 ** 20);
  for (let frame = 0; frame < 3; frame++) {
    ws.send(announcing(2 ** 20 + 1 + 2 ** 20, 2 ** 20));
    ws.send(chunk);
    ws.send(chunk.subarray(0, 1));
  }
  await logB.until(() => logB.count({ kind: 'frame-dropped', peer: 'c' }) === 3);
  // What comes behind them is heard.
  ws.send(frameOf(1, 'a'));
  await logB.until(() => logB.count({ kind: 'dropped', reason: 'sender', from: 'c' }) === 1);
  await honestFlow();
});

test('half a frame and then silence, but for signs of life, holds its room for a while only', async () => {
  const ws = await intrude();
  // All of the room that frames have here, so that nobody else's would be taken in.
  ws.send(announcing(2 ** 20, 2 ** 16));
  await logB.until(() => logB.events.some((one) => one.kind === 'disconnected' && one.peer === 'c'));
  expect(logB.events.find((one) => one.kind === 'disconnected')).toMatchObject({
    why: expect.stringMatching(/^a frame stood still for /),
  });
  await honestFlow();
});

test('frames that are replayed are dropped, each counted', async () => {
  const ws = await intrude();
  a!.invoke('main', { x: f32(1, 1) }, 0);
  await logB.until(() => logB.count({ kind: 'flow-started' }) > 0);
  for (let times = 0; times < 300; times++) ws.send(frameOf(1));
  // The first is its value; another peer's is not its to send.
  for (let times = 0; times < 100; times++) ws.send(frameOf(1, 'a', 0));
  ws.send(frameOf(2, 'c', 0));
  await logB.until(() => logB.count({ kind: 'dropped', reason: 'binding', from: 'c' }) > 0);
  expect(
    logB.count({ kind: 'dropped', reason: 'late', from: 'c' }) +
      logB.count({ kind: 'dropped', reason: 'duplicate', from: 'c' }),
  ).toBe(299);
  expect(logB.count({ kind: 'dropped', reason: 'sender', from: 'c' })).toBe(100);
  await honestFlow();
});
