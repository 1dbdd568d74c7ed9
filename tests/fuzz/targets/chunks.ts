// What a connection makes of messages of a peer: frames in chunks, cut anywhere, of any announced length, broken off in the middle.

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import type { WebSocket } from 'ws';
import { BufferPool } from '../../../runtime/host/buffer-pool.ts';
import { noOverhead } from '../../../runtime/host/overhead.ts';
import type { TransportUser } from '../../../runtime/host/transport.ts';
import { Link, type LinkContext } from '../../../runtime/host/websocket/link.ts';
import { announcedBytes, PREFIX_BYTES } from '../../../runtime/wire/frame.ts';
import { recordedFrames } from '../deployment.ts';
import { target } from '../harness.ts';

const FRAME_BYTES = 4096;
/** Less than two of the largest frames. */
const INCOMING_BYTES = 6000;
const peers = ['a', 'b'] as const;

const prefix = recordedFrames()[0]!.bytes.slice(0, PREFIX_BYTES);

/** A frame as far as connections look at it, of this length, whose prefix says that it has that one. */
function frameOf(length: number, announced: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, at) => at % 251);
  bytes.set(prefix);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, announced % 2 ** 32, true);
  view.setUint32(20, Math.floor(announced / 2 ** 32), true);
  return bytes;
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: PREFIX_BYTES, max: FRAME_BYTES }) },
  { weight: 1, arbitrary: fc.integer({ min: PREFIX_BYTES, max: 3 * FRAME_BYTES }) },
);
const frame = fc.oneof(
  { weight: 8, arbitrary: length.map((one) => frameOf(one, one)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(length, fc.oneof(fc.nat(10_000), fc.maxSafeNat()))
      .map(([one, told]) => frameOf(one, told)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
);
const peer = fc.constantFrom(...peers);
/** A frame in chunks of at most so many bytes, of which some of the last do not come; or a connection breaks. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      peer,
      frame,
      chunk: fc.integer({ min: PREFIX_BYTES, max: FRAME_BYTES }),
      missing: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ peer }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const chunksOf = (one: Step): readonly Uint8Array[] => {
  if (!('frame' in one)) return [];
  const { frame, chunk, missing } = one;
  const all = Array.from({ length: Math.ceil(frame.length / chunk) }, (_, at) =>
    frame.subarray(at * chunk, (at + 1) * chunk),
  );
  return all.slice(0, all.length - missing);
};

class Connection extends EventEmitter {
  ping(): void {}
  close(): void {}
  terminate(): void {}
  send(): void {}
}

function run(steps: readonly Step[]): readonly string[] {
  const found: string[] = [];
  /** Messages of each peer since the last frame. */
  const sent = new Map<string, Uint8Array[]>();
  const user: TransportUser = {
    connected: () => {},
    disconnected: (peer, why) => {
      sent.set(peer, []);
      found.push(why);
    },
    frame: (from, bytes) => {
      const whole = Buffer.concat(sent.get(from)!).subarray(-bytes.length);
      if (bytes.length > FRAME_BYTES) throw new Error('a frame beyond the limit was taken in');
      if (bytes.length !== announcedBytes(bytes) || !whole.equals(bytes))
        throw new Error('what came out is not what went in');
      sent.set(from, []);
      found.push('accepted');
    },
    note: () => {},
    event: ({ kind }) => void found.push(kind),
  };
  const cx: LinkContext = {
    limits: {
      queueBytes: 1024,
      queueFrames: 4,
      frameBytes: FRAME_BYTES,
      incomingBytes: INCOMING_BYTES,
      heartbeatNs: 1e9,
    },
    pool: new BufferPool(0),
    clock: { now: () => 0, wake: () => () => {} },
    user,
    overhead: noOverhead(),
    incomingBytes: 0,
  };
  const links = Object.fromEntries(peers.map((peer) => [peer, new Link(peer, cx, () => {})]));
  const open = new Map<string, Connection>();
  const connect = (peer: string): Connection => {
    const ws = new Connection();
    open.set(peer, ws);
    sent.set(peer, []);
    const proven = { incarnation: 1, certified: false } as Parameters<Link['attach']>[2];
    links[peer]!.attach(ws as unknown as WebSocket, { bytesRead: 0 } as Socket, proven);
    return ws;
  };
  for (const one of steps) {
    const { peer } = one;
    if (!('frame' in one)) connect(peer);
    for (const chunk of chunksOf(one)) {
      if (links[peer]!.incarnation === undefined) connect(peer);
      sent.get(peer)!.push(chunk);
      open.get(peer)!.emit('message', Buffer.from(chunk), true);
      if (cx.incomingBytes < 0 || cx.incomingBytes > INCOMING_BYTES)
        throw new Error(`${cx.incomingBytes} bytes of frames are coming in`);
    }
  }
  for (const peer of peers) connect(peer);
  if (cx.incomingBytes !== 0) throw new Error('room is held for frames that nobody sends any more');
  return found;
}

export const chunks = target({
  name: 'chunks',
  arbitrary: fc.array(step, { maxLength: 12 }),
  run,
  bytes: (steps) => Buffer.concat(steps.flatMap(chunksOf)),
});
