// What the runtime itself costs: frames against plain copying, and the engine per op and per hop.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Tensor } from '../ir/index.ts';
import {
  decodeFrame,
  defaultLimits,
  encodeFrame,
  joinPieces,
  Node,
  type Output,
  type Program,
  pieceBytes,
} from '../runtime/index.ts';
import type { Figure } from './figure.ts';
import { chainOf, pingPong } from './runtime-program.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const FRAME_BYTES = 64 * 2 ** 20;
// Few enough for one try to fit between two interruptions of a busy machine.
const OPS = 200;
const HOPS = 200;
const TRIES = 100;

export async function benchRuntime(): Promise<Figure[]> {
  const frame = frameRatio();
  const op = chainRun(chainOf(OPS));
  const hop = pingPongRun(pingPong(HOPS));
  const least = {
    op: Number.POSITIVE_INFINITY,
    hop: Number.POSITIVE_INFINITY,
    message: Number.POSITIVE_INFINITY,
  };
  // The least of many tries is what the code costs, without what else the machine did; in turns, so that all see the same.
  for (let turn = 0; turn < TRIES; turn++) {
    least.op = Math.min(least.op, elapsedUs(op) / OPS);
    least.hop = Math.min(least.hop, elapsedUs(hop) / HOPS);
    least.message = Math.min(least.message, (await messagesUs(HOPS)) / HOPS);
  }
  return [
    {
      name: 'envelope encode and decode of 64 MiB against memcpy into warm memory',
      value: frame,
      unit: '×',
      limit: 1.5,
    },
    { name: 'engine, per op', value: least.op, unit: 'µs' },
    { name: 'engine, allocated per op', value: leastAllocated(op) / OPS, unit: 'B' },
    { name: 'engine, per hop', value: least.hop, unit: 'µs' },
    { name: 'engine, allocated per hop', value: leastAllocated(hop) / HOPS, unit: 'B' },
    { name: 'the same tensor through a MessageChannel, per message', value: least.message, unit: 'µs' },
    {
      name: 'an op against a message and its answer through a MessageChannel',
      value: least.op / (2 * least.message),
      unit: '×',
      limit: 1,
    },
    {
      name: 'a hop against a message through a MessageChannel',
      value: least.hop / least.message,
      unit: '×',
      limit: 5,
    },
  ];
}

/**
 * What a program without us would do between two peers of one process: a tensor that goes to and fro between two ports,
 * `count` times, with the names that its receiver needs.
 */
function messagesUs(count: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const message = { flow: 'left/1/1', edge: 0, dtype: value.dtype, dims: value.dims, bytes: value.bytes };
  return new Promise((resolve) => {
    let received = 0;
    const began = performance.now();
    const answerFrom = (port: MessagePort) => (letter: unknown) => {
      received++;
      if (received < count) return port.postMessage(letter);
      port1.close();
      resolve((performance.now() - began) * 1000);
    };
    port1.on('message', answerFrom(port1));
    port2.on('message', answerFrom(port2));
    port1.postMessage(message);
  });
}

/** The least is what the code makes; more is what the engine of JavaScript was doing besides. */
const leastAllocated = (run: () => void): number =>
  Math.min(...Array.from({ length: TRIES }, () => allocated(run)));

/** Bytes of the heap, and of buffers outside. */
function allocated(run: () => void): number {
  collectGarbage();
  const before = process.memoryUsage();
  run();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
  // Something was collected meanwhile.
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
}

const elapsedUs = (run: () => void): number => {
  const began = performance.now();
  run();
  return (performance.now() - began) * 1000;
};

/** One copy at the boundary, both times into the same memory. Taken in turns, so that both see the same machine. */
function frameRatio(): number {
  const payload = new Uint8Array(FRAME_BYTES).fill(1);
  const warm = new Uint8Array(FRAME_BYTES + 4096).fill(1);
  const dims = [FRAME_BYTES / 4];
  const envelope = {
    deployment: '0'.repeat(64),
    sender: 'left',
    incarnation: 1,
    sequence: 1,
    flow: { initiated: { initiator: 'left', incarnation: 1, counter: 1 } },
    fills: [{ edge: 0, dtype: 1, dims }],
  };
  const passFrame = (): void => {
    const pieces = encodeFrame(envelope, [payload]);
    const bytes = warm.subarray(0, pieceBytes(pieces));
    joinPieces(pieces, bytes);
    const decoded = decodeFrame(bytes, defaultLimits);
    if (!decoded.ok) throw new Error(decoded.error.message);
  };
  let frame = Number.POSITIVE_INFINITY;
  let copy = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 30; turn++) {
    copy = Math.min(
      copy,
      elapsedUs(() => warm.set(payload)),
    );
    frame = Math.min(frame, elapsedUs(passFrame));
  }
  return frame / copy;
}

const value: Tensor = { dtype: 'float32', dims: [16], bytes: new Uint8Array(64) };

/** A flow at each call. */
function chainRun(program: Program): () => void {
  const node = new Node({ program, peer: 'left', incarnation: 1 });
  let ended = false;
  const run = (): void => {
    ended = false;
    node.handle(0, { type: 'invoke', entry: 'main', values: { v0: value } });
    drain(node, (output) => {
      if (output.type === 'work') {
        const outputs = [{ ...value, bytes: new Uint8Array(64) }];
        node.handle(0, { type: 'done', work: output.work, outputs });
      }
      ended ||= output.type === 'event' && output.event.kind === 'flow-ended';
    });
    if (!ended) throw new Error('the flow did not end');
  };
  return run;
}

/** A flow at each call; of each hop: send, encode, copy, decode, receive. */
function pingPongRun(programs: Readonly<Record<'left' | 'right', Program>>): () => void {
  const nodes = {
    left: new Node({ program: programs.left, peer: 'left', incarnation: 1 }),
    right: new Node({ program: programs.right, peer: 'right', incarnation: 1 }),
  };
  let ended = 0;
  const run = (): void => {
    ended = 0;
    nodes.left.handle(0, { type: 'invoke', entry: 'main', values: { v0: value } });
    let mail: { to: 'left' | 'right'; bytes: Uint8Array }[] = [];
    const collect = (from: 'left' | 'right'): void =>
      drain(nodes[from], (output) => {
        ended += output.type === 'event' && output.event.kind === 'flow-ended' ? 1 : 0;
        if (output.type !== 'send') return;
        const bytes = new Uint8Array(pieceBytes(output.pieces));
        joinPieces(output.pieces, bytes);
        mail.push({ to: output.to as 'left' | 'right', bytes });
      });
    collect('left');
    while (mail.length > 0) {
      const letters = mail;
      mail = [];
      for (const { to, bytes } of letters) {
        const from = to === 'left' ? 'right' : 'left';
        nodes[to].handle(0, { type: 'frame', from, bytes, owned: true });
        collect(to);
      }
    }
    if (ended !== 2) throw new Error('the flow did not end on both sides');
  };
  return run;
}

function drain(node: Node, act: (output: Output) => void): void {
  for (let output = node.poll(0); output.type !== 'idle'; output = node.poll(0)) act(output);
}
