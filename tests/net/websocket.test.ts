// The WebSocket transport on loopback: who gets in, what is bounded, what happens when a connection breaks.

import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { TransportEvent } from '../../runtime/host/index.ts';
import {
  formatAddress,
  parseAddress,
  startWebSockets,
  type Tls,
  type WebSocketOptions,
  type WebSocketTransport,
} from '../../runtime/host/node.ts';
import { encodeFrame } from '../../runtime/index.ts';

const deployment = 'd'.repeat(64);
const members = new Set(['a', 'b', 'c']);
const token = Buffer.from('a token of some length');
const loopback = { host: '127.0.0.1', port: 0, secure: false };

type Limits = NonNullable<WebSocketOptions['limits']>;

interface StartOptions {
  readonly limits: Limits;
  /** null: none. */
  readonly token: Uint8Array | null;
  readonly incarnation: number;
  readonly deployment: string;
  /** Listens with TLS. */
  readonly tls: Tls;
}

class Peer {
  readonly id: string;
  transport!: WebSocketTransport;
  readonly frames: Uint8Array[] = [];
  /** What was said of frames. */
  readonly vouched = new Set<boolean>();
  readonly log: string[] = [];
  readonly events: TransportEvent[] = [];
  #watchers = new Set<() => void>();

  constructor(id: string) {
    this.id = id;
  }

  get url(): string {
    return formatAddress(this.transport.addresses[0]!);
  }

  async start(options: Partial<StartOptions> = {}) {
    const note = <T>(list: T[], one: T): void => {
      list.push(one);
      for (const watch of this.#watchers) watch();
    };
    const identity = {
      deployment: options.deployment ?? deployment,
      peer: this.id,
      incarnation: options.incarnation ?? 1,
      members,
      token: options.token === null ? undefined : (options.token ?? token),
    };
    const { tls } = options;
    const listen = [{ ...loopback, secure: tls !== undefined }];
    const own = { identity, listen, random: () => 0, ...(tls && { tls }) };
    this.transport = await startWebSockets(
      options.limits === undefined ? own : { ...own, limits: options.limits },
      {
        connected: (peer) => note(this.log, `connected ${peer}`),
        disconnected: (peer, why) => note(this.log, `disconnected ${peer}: ${why}`),
        frame: (_, bytes, vouched) => {
          this.vouched.add(vouched);
          note(this.frames, bytes);
        },
        note: (from, text) => note(this.log, `${from}: ${text}`),
        event: (event) => note(this.events, event),
      },
    );
    started.push(this);
    return this;
  }

  dial(other: Peer): void {
    this.transport.dial({ peer: other.id, addresses: [parseAddress(other.url)!] });
  }

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

  connected(to: Peer): Promise<void> {
    return this.until(() => this.log.includes(`connected ${to.id}`));
  }
}

let started: Peer[] = [];
afterEach(async () => {
  await Promise.all(started.map((peer) => peer.transport.close()));
  started = [];
});

const envelope = { deployment, sender: 'a', incarnation: 1, sequence: 1, fills: [{ edge: 0 }] };
const frameOf = (bytes: number): readonly Uint8Array[] =>
  encodeFrame(envelope, [Uint8Array.from({ length: bytes }, (_, index) => index % 251)]);
const joined = (pieces: readonly Uint8Array[]): Buffer => Buffer.concat(pieces);

async function pair(limits?: Limits): Promise<readonly [Peer, Peer]> {
  const [a, b] = [
    await new Peer('a').start(limits && { limits }),
    await new Peer('b').start(limits && { limits }),
  ];
  a.dial(b);
  await Promise.all([a.connected(b), b.connected(a)]);
  return [a, b];
}

/** A way to a port whose first connection breaks after so many bytes. */
async function breakableWay(to: number, bytes: number): Promise<{ readonly port: number; close(): void }> {
  let left = bytes;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.on('data', (data) => {
      if (left > 0 && data.length >= left) end();
      left -= data.length;
    });
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** Opens a raw WebSocket, sends, and gives the code with which it is closed. */
function intrude(url: string, ...messages: readonly (string | Uint8Array)[]): Promise<number> {
  return new Promise((resolve) => {
    const ws = new WebSocket(url, ['bbc.1'], { perMessageDeflate: false });
    ws.on('open', () => {
      for (const message of messages) ws.send(message);
    });
    ws.on('error', () => {});
    ws.on('close', (code) => resolve(code));
  });
}

describe('frames', () => {
  test.each([0, 1, 2 ** 20, 5 * 2 ** 20 + 3])(
    'of %i bytes arrive as they left, in order with notes',
    async (bytes) => {
      const [a, b] = await pair();
      const frame = frameOf(bytes);
      expect(a.transport.send('b', frame)).toBe('taken');
      expect(b.transport.send('a', frame)).toBe('taken');
      await Promise.all([a.until(() => a.frames.length === 1), b.until(() => b.frames.length === 1)]);
      for (const { frames } of [a, b]) expect(Buffer.compare(frames[0]!, joined(frame))).toBe(0);
    },
  );

  test('beyond what may wait for a peer are dropped, visibly', async () => {
    const [a, b] = await pair({ queueBytes: 2 ** 20 });
    const frame = frameOf(2 ** 19);
    const outcomes = Array.from({ length: 40 }, () => a.transport.send('b', frame));
    expect(new Set(outcomes)).toEqual(new Set(['taken', 'full']));
    const taken = outcomes.filter((one) => one === 'taken').length;
    await b.until(() => b.frames.length === taken);
  });

  test('too large for a peer are dropped there, and those behind them are not', async () => {
    const [a, b] = await pair({ frameBytes: 2 ** 20 });
    a.transport.send('b', frameOf(3 * 2 ** 20));
    a.transport.send('b', frameOf(100));
    await b.until(() => b.frames.length === 1);
    expect(b.frames[0]).toHaveLength(joined(frameOf(100)).length);
    expect(b.events).toMatchObject([{ kind: 'frame-dropped', peer: 'a' }]);
  });

  test('wait for a peer that is not connected yet', async () => {
    const [a, b] = [await new Peer('a').start(), await new Peer('b').start()];
    expect(a.transport.send('b', frameOf(10))).toBe('taken');
    b.dial(a);
    await b.until(() => b.frames.length === 1);
  });
});

describe('connections', () => {
  test('that two peers dial at once become one', async () => {
    for (let round = 0; round < 10; round++) {
      const [a, b] = [await new Peer('a').start(), await new Peer('b').start()];
      a.dial(b);
      b.dial(a);
      await Promise.all([a.connected(b), b.connected(a)]);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        from.transport.send(to.id, frameOf(10));
        await to.until(() => to.frames.length === 1);
      }
      expect([a.log, b.log]).toEqual([['connected b'], ['connected a']]);
    }
  });

  test('that break are made again', async () => {
    const [a, b] = [await new Peer('a').start(), await new Peer('b').start()];
    a.dial(b);
    await Promise.all([a.connected(b), b.connected(a)]);
    const port = b.transport.addresses[0]!.port;
    // The peer starts anew at the same place.
    await b.transport.close();
    await a.until(() => a.log.length === 2);
    expect(a.log[1]).toMatch(/^disconnected b/);
    a.transport.send('b', frameOf(10));
    const again = new Peer('b');
    loopback.port = port;
    await again.start({ incarnation: 2 });
    loopback.port = 0;
    await a.until(() => a.log.length === 3);
    expect(a.log[2]).toBe('connected b');
  });

  test('that break within a frame take it once more, and count that apart', async () => {
    const [a, b] = [await new Peer('a').start(), await new Peer('b').start()];
    const way = await breakableWay(b.transport.addresses[0]!.port, 2 ** 20);
    try {
      a.transport.dial({ peer: 'b', addresses: [{ ...loopback, port: way.port }] });
      await Promise.all([a.connected(b), b.connected(a)]);
      expect(a.transport.overhead).toMatchObject({ resentMessages: 0, resentBytes: 0 });
      a.transport.tell('b', 'a note');
      const frame = frameOf(16 * 2 ** 20);
      a.transport.send('b', frame);
      await b.until(() => b.frames.length === 1);
      expect(b.log.filter((one) => one === 'connected a')).toHaveLength(2);
      expect(a.transport.overhead).toMatchObject({
        controlMessages: 1,
        controlBytes: 6,
        resentMessages: 1,
        resentBytes: joined(frame).length,
      });
      expect(b.transport.overhead).toMatchObject({ resentMessages: 0 });
    } finally {
      way.close();
    }
  });
});

describe('whoever is not a peer', () => {
  const hello = (fields: object): string =>
    JSON.stringify({
      bbc: 1,
      wire: [1],
      deployment,
      peer: 'b',
      incarnation: 1,
      nonce: '0'.repeat(64),
      ...fields,
    });

  test('is told why, and never connected', async () => {
    const a = await new Peer('a').start();
    const tries = {
      rubbish: ['{'],
      binary: [new Uint8Array(10)],
      'another version': [hello({ bbc: 2 })],
      'another deployment': [hello({ deployment: 'e'.repeat(64) })],
      'no such peer': [hello({ peer: 'z' })],
      ourselves: [hello({ peer: 'a' })],
      'a short nonce': [hello({ nonce: '' })],
      'no proof': [hello({}), '{}'],
      'a wrong proof': [hello({}), JSON.stringify({ proof: '0'.repeat(64) })],
      'an empty proof': [hello({}), '{"proof":""}'],
      'a frame before any proof': [hello({}), new Uint8Array(100)],
    };
    const codes: Record<string, number> = {};
    for (const [name, messages] of Object.entries(tries)) codes[name] = await intrude(a.url, ...messages);
    expect(codes).toEqual({
      rubbish: 4400,
      binary: 4400,
      'another version': 4405,
      'another deployment': 4404,
      'no such peer': 4403,
      ourselves: 4403,
      'a short nonce': 4400,
      'no proof': 4400,
      'a wrong proof': 4401,
      'an empty proof': 4401,
      'a frame before any proof': 4400,
    });
    expect(a.log).toEqual([]);
  });

  test('cannot say more than a handshake takes', async () => {
    const a = await new Peer('a').start();
    expect(await intrude(a.url, 'x'.repeat(100_000))).toBe(1006);
    expect(a.events).toMatchObject([{ kind: 'refused', why: 'more than 4096 bytes before any proof' }]);
  });

  test('cannot be a web page', async () => {
    const a = await new Peer('a').start();
    const refused = new Promise<string>((resolve) => {
      new WebSocket(a.url, ['bbc.1'], { origin: 'http://localhost' }).on('error', ({ message }) =>
        resolve(message),
      );
    });
    expect(await refused).toMatch(/403/);
  });

  test('cannot keep peers out by a thousand connections', async () => {
    const a = await new Peer('a').start({ limits: { burst: 2000, unproven: 16 } });
    const { port } = a.transport.addresses[0]!;
    let closed = 0;
    const sockets = Array.from({ length: 1000 }, () =>
      connect(port, '127.0.0.1')
        .on('error', () => {})
        .on('close', () => closed++),
    );
    const b = await new Peer('b').start();
    b.dial(a);
    await Promise.all([a.connected(b), b.connected(a)]);
    a.transport.send('b', frameOf(10));
    await b.until(() => b.frames.length === 1);
    // All but those that may still try.
    while (closed < 1000 - 16) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const socket of sockets) socket.destroy();
  });

  test('is refused with another token, for good', async () => {
    const a = await new Peer('a').start();
    const b = await new Peer('b').start({ token: Buffer.from('another token of some length') });
    b.dial(a);
    await b.until(() => b.events.length > 0);
    expect(b.events[0]).toMatchObject({ kind: 'refused', why: 'another token is used here', fatal: true });
    expect(a.log).toEqual([]);
  });
});

test('a peer that stops reading costs no more than may wait for it, and is left', async () => {
  const limits = { queueBytes: 4 * 2 ** 20, heartbeatNs: 50e6 };
  const a = await new Peer('a').start({ limits });
  // Proves itself, then reads no more.
  const { DialerHandshake } = await import('../../runtime/host/websocket/handshake.ts');
  const identity = { deployment, peer: 'b', incarnation: 1, members, token };
  const machine = new DialerHandshake({ identity, nonce: '1'.repeat(64), certified: undefined, to: 'a' });
  const ws = new WebSocket(a.url, ['bbc.1'], { perMessageDeflate: false });
  ws.on('error', () => {});
  ws.on('open', () => ws.send(machine.start()));
  ws.on('message', (data) => {
    const step = machine.receive(String(data));
    if (step.kind === 'send') ws.send(step.text);
    else ws.pause();
  });
  await a.until(() => a.log.includes('connected b'));
  const frame = frameOf(2 ** 20);
  const outcomes = Array.from({ length: 200 }, () => a.transport.send('b', frame));
  expect(outcomes.at(-1)).toBe('full');
  await a.until(() => a.log.some((line) => line.startsWith('disconnected b: no sign of life')));
  ws.terminate();
});

test('a peer that sends what is no frame is left', async () => {
  const [a, b] = await pair();
  b.transport.tell('a', 'hello');
  await a.until(() => a.log.includes('b: hello'));
  b.transport.send('a', [new Uint8Array(100)]);
  await a.until(() => a.log.includes('disconnected b: it sent what is no frame'));
});

describe('addresses', () => {
  test.each([
    ['ws://127.0.0.1:7000', 'ws://127.0.0.1:7000'],
    ['wss://example.org:443/', 'wss://example.org:443'],
    ['ws://[::1]:7000', 'ws://[::1]:7000'],
    ['/ip4/127.0.0.1/tcp/7000/ws', 'ws://127.0.0.1:7000'],
    ['/ip6/::1/tcp/7000/wss', 'wss://[::1]:7000'],
    ['/dns4/example.org/tcp/443/tls/ws', 'wss://example.org:443'],
  ])('%s is %s', (text, url) => {
    expect(formatAddress(parseAddress(text)!)).toBe(url);
  });

  test.each([
    '',
    '127.0.0.1:7000',
    'http://127.0.0.1:1',
    'ws://127.0.0.1',
    'ws://h:70000',
    'ws://u@h:1',
    '/ip4/h/tcp/1',
    '/ip4/h/udp/1/ws',
  ])('%j is none', (text) => expect(parseAddress(text)).toBeUndefined());
});

describe('TLS', () => {
  const pem = (name: string): Uint8Array =>
    readFileSync(path.join(import.meta.dirname, '../fixtures/tls', name));
  const tlsOf = (name: string): Tls => ({
    cert: pem(`${name}.pem`),
    key: pem(`${name}.key`),
    ca: pem('ca.pem'),
  });

  test('on both sides takes the place of a token', async () => {
    const a = await new Peer('a').start({ tls: tlsOf('a'), token: null });
    const b = await new Peer('b').start({ tls: tlsOf('b'), token: null });
    expect(a.url).toMatch(/^wss:/);
    b.dial(a);
    await Promise.all([a.connected(b), b.connected(a)]);
    a.transport.send('b', frameOf(2 ** 21));
    await b.until(() => b.frames.length === 1);
    expect(Buffer.compare(b.frames[0]!, joined(frameOf(2 ** 21)))).toBe(0);
    // By the certificate, which names the peer.
    expect([...b.vouched]).toEqual([true]);
  });

  test('refuses a certificate that names another peer', async () => {
    const a = await new Peer('a').start({ tls: tlsOf('a'), token: null });
    const c = await new Peer('c').start({ tls: tlsOf('b'), token: null });
    c.dial(a);
    await c.until(() => c.events.length > 0);
    expect(c.events[0]).toMatchObject({
      kind: 'refused',
      why: 'the certificate does not name c',
      fatal: true,
    });
    expect(a.log).toEqual([]);
  });

  test('refuses a certificate of nobody’s authority', async () => {
    const a = await new Peer('a').start({ tls: tlsOf('a'), token: null });
    const b = await new Peer('b').start({ tls: { ...tlsOf('stranger'), ca: pem('ca.pem') }, token: null });
    a.dial(b);
    await a.until(() => a.events.length > 0);
    expect(a.events[0]).toMatchObject({ kind: 'refused', fatal: true });
    expect(b.log).toEqual([]);
  });

  test('with a token needs a certificate of the listener only', async () => {
    const a = await new Peer('a').start({ tls: { cert: pem('a.pem'), key: pem('a.key') } });
    const b = await new Peer('b').start({ tls: { ca: pem('ca.pem') } });
    b.dial(a);
    await Promise.all([a.connected(b), b.connected(a)]);
    a.transport.send('b', frameOf(8));
    await b.until(() => b.frames.length === 1);
    // All who know the token could say that they are a.
    expect([...b.vouched]).toEqual([false]);
  });

  test('or a token is a must where others can reach us', async () => {
    const open = { host: '0.0.0.0', port: 0, secure: false };
    const identity = { deployment, peer: 'a', incarnation: 1, members, token: undefined };
    const user = { connected() {}, disconnected() {}, frame() {}, note() {}, event() {} };
    await expect(startWebSockets({ identity, listen: [open] }, user)).rejects.toThrow(/BB762/);
  });
});
