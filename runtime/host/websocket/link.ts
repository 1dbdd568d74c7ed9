// What lies between us and one other peer: frames on their way out, the frame that is coming in, and the connection,
// if there is one at the moment.

import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { announcedBytes, joinPieces, PREFIX_BYTES, pieceBytes } from '../../wire/frame.ts';
import type { BufferPool } from '../buffer-pool.ts';
import type { Clock } from '../clock.ts';
import type { Overhead } from '../overhead.ts';
import type { SendOutcome, TransportUser } from '../transport.ts';
import { type Proven, REFUSAL } from './handshake.ts';

/** Largest message. Larger frames are several: of the sizes from 64 KiB to 64 MiB, none is faster. */
export const CHUNK_BYTES = 2 ** 20;
/** Handed to the socket before it has taken what came earlier. */
const WINDOW_BYTES = 4 * CHUNK_BYTES;

/**
 * What has to come of a frame between two heartbeats: one of which nothing comes would hold its room for ever, and
 * signs of life alone are no reason to wait.
 */
const FRAME_PROGRESS_BYTES = 1024;

export interface LinkLimits {
  /** Frames that wait for one peer, in bytes and in number. One frame may always wait. */
  readonly queueBytes: number;
  readonly queueFrames: number;
  /** Largest frame that is taken in. */
  readonly frameBytes: number;
  /** Frames that are coming in, over all peers. */
  readonly incomingBytes: number;
  /** How often a quiet peer is asked for a sign of life; after three times without one the connection is broken. */
  readonly heartbeatNs: number;
}

/** What links share. */
export interface LinkContext {
  readonly limits: LinkLimits;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly user: TransportUser;
  readonly overhead: Overhead;
  /** Of frames that are coming in, over all peers. */
  incomingBytes: number;
}

interface Connection {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly incarnation: number;
  readonly certified: boolean;
}

interface Outgoing {
  readonly bytes: Uint8Array;
  /** Handed to the socket so far. */
  at: number;
  /** An earlier connection broke while it was under way. */
  again: boolean;
}

export class Link {
  readonly peer: string;
  readonly #cx: LinkContext;
  readonly #detached: () => void;
  /** Frames that the socket has not taken as a whole, oldest first. */
  #queue: Outgoing[] = [];
  #queueBytes = 0;
  /** Position in the queue of the frame that is being handed over. */
  #next = 0;
  #windowBytes = 0;
  #incoming: { readonly bytes: Uint8Array; at: number } | undefined;
  /** Bytes to come of a frame that is not taken in. */
  #skip = 0;
  #connection: Connection | undefined;
  #newest = 0;
  #stopHeartbeat = (): void => {};
  #flushed: (() => void)[] = [];

  /** `detached` is called when a connection has ended, after the user was told. */
  constructor(peer: string, cx: LinkContext, detached: () => void) {
    this.peer = peer;
    this.#cx = cx;
    this.#detached = detached;
  }

  /** The peer's incarnation at the other end of the connection; undefined: there is no connection. */
  get incarnation(): number | undefined {
    return this.#connection?.incarnation;
  }

  /** The highest incarnation seen. */
  get newest(): number {
    return this.#newest;
  }

  attach(ws: WebSocket, socket: Socket, { incarnation, certified }: Proven): void {
    this.#drop('a newer connection took its place');
    // What waited was for the peer as it was before it started anew.
    if (incarnation > this.#newest && this.#newest > 0) this.clear();
    this.#newest = Math.max(this.#newest, incarnation);
    this.#connection = { ws, socket, incarnation, certified };
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#connection?.ws !== ws) return;
      if (isBinary) this.#take(data);
      else this.#cx.user.note(this.peer, data.toString('utf8'));
    });
    ws.on('error', (error) => this.#detach(ws, error.message));
    ws.on('close', (code, reason) => this.#detach(ws, reason.length > 0 ? `${reason}` : closeText(code)));
    this.#beat(ws, socket);
    this.#cx.user.connected(this.peer);
    this.#pump();
  }

  send(pieces: readonly Uint8Array[]): SendOutcome {
    const { limits, pool } = this.#cx;
    const total = pieceBytes(pieces);
    const full = this.#queueBytes + total > limits.queueBytes || this.#queue.length >= limits.queueFrames;
    if (full && this.#queue.length > 0) return 'full';
    const bytes = new Uint8Array(pool.take(total), 0, total);
    joinPieces(pieces, bytes);
    this.#queue.push({ bytes, at: 0, again: false });
    this.#queueBytes += total;
    this.#pump();
    return 'taken';
  }

  tell(note: string): void {
    if (this.#connection === undefined) return;
    this.#connection.ws.send(note);
    this.#cx.overhead.controlMessages++;
    this.#cx.overhead.controlBytes += Buffer.byteLength(note);
  }

  get queued(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#queue.length, bytes: this.#queueBytes };
  }

  /** Discards what waits. */
  clear(): void {
    this.#queue = [];
    this.#queueBytes = 0;
    this.#next = 0;
    this.#settleFlush();
  }

  /** Asks for a sign of life now: another connection of the same peer wants to take this one's place. */
  probe(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const before = connection.socket.bytesRead;
    this.#ping(connection.ws);
    this.#cx.clock.wake(this.#cx.clock.now() + 1e9, () => {
      if (connection.socket.bytesRead === before && this.#connection === connection)
        connection.ws.terminate();
    });
  }

  /** Resolves when nothing waits any more, or nothing can leave. */
  flush(): Promise<void> {
    if (this.#queue.length === 0 || this.#connection === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  close(): Promise<void> {
    const ws = this.#connection?.ws;
    if (ws === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#cx.clock.wake(this.#cx.clock.now() + 1e9, () => ws.terminate());
      ws.once('close', () => {
        stop();
        resolve();
      });
      ws.close(1000);
    });
  }

  #drop(why: string): void {
    const ws = this.#connection?.ws;
    if (ws === undefined) return;
    this.#detach(ws, why);
    ws.terminate();
  }

  #detach(ws: WebSocket, why: string): void {
    if (this.#connection?.ws !== ws) return;
    this.#connection = undefined;
    this.#stopHeartbeat();
    this.#endIncoming();
    this.#skip = 0;
    // Frames that the socket had not taken as a whole go again, from their beginning.
    for (const one of this.#queue) {
      one.again = one.at > 0;
      one.at = 0;
    }
    this.#next = 0;
    this.#windowBytes = 0;
    this.#settleFlush();
    this.#cx.user.disconnected(this.peer, why);
    this.#detached();
  }

  #settleFlush(): void {
    if (this.#queue.length > 0 && this.#connection !== undefined) return;
    for (const resolve of this.#flushed) resolve();
    this.#flushed = [];
  }

  #pump(): void {
    const ws = this.#connection?.ws;
    if (ws === undefined) return;
    for (let frame = this.#queue[this.#next]; frame !== undefined; frame = this.#queue[this.#next]) {
      if (this.#windowBytes >= WINDOW_BYTES) return;
      if (frame.again && frame.at === 0) {
        this.#cx.overhead.resentMessages++;
        this.#cx.overhead.resentBytes += frame.bytes.length;
      }
      const chunk = frame.bytes.subarray(frame.at, frame.at + CHUNK_BYTES);
      frame.at += chunk.length;
      this.#windowBytes += chunk.length;
      const last = frame.at === frame.bytes.length;
      if (last) this.#next++;
      const sent = frame;
      ws.send(chunk, { binary: true, compress: false }, (error) => {
        // Of an earlier connection, or the end of this one, which its own event tells.
        if (this.#connection?.ws !== ws || error) return;
        this.#windowBytes -= chunk.length;
        if (last) this.#finish(sent);
        this.#pump();
      });
    }
  }

  #finish(frame: Outgoing): void {
    // Cleared meanwhile, or first in line: the socket takes them in order.
    if (this.#queue[0] !== frame) return;
    this.#queue.shift();
    this.#next--;
    this.#queueBytes -= frame.bytes.length;
    this.#cx.pool.give(frame.bytes.buffer as ArrayBuffer);
    this.#settleFlush();
  }

  /** One message of a frame. */
  #take(chunk: Uint8Array): void {
    if (this.#skip > 0) {
      if (chunk.length > this.#skip) return this.#rubbish();
      this.#skip -= chunk.length;
      return;
    }
    const incoming = this.#incoming ?? this.#begin(chunk);
    if (incoming === undefined) return;
    if (incoming.at + chunk.length > incoming.bytes.length) return this.#rubbish();
    incoming.bytes.set(chunk, incoming.at);
    incoming.at += chunk.length;
    if (incoming.at < incoming.bytes.length) return;
    this.#incoming = undefined;
    this.#cx.incomingBytes -= incoming.bytes.length;
    this.#cx.user.frame(this.peer, incoming.bytes, this.#connection?.certified === true);
  }

  #begin(chunk: Uint8Array): { readonly bytes: Uint8Array; at: number } | undefined {
    const { limits, pool, user } = this.#cx;
    const total = announcedBytes(chunk);
    if (total === undefined || total < PREFIX_BYTES || total < chunk.length) {
      this.#rubbish();
      return undefined;
    }
    const why =
      total > limits.frameBytes
        ? `frames have at most ${limits.frameBytes} bytes here`
        : this.#cx.incomingBytes + total > limits.incomingBytes
          ? `${this.#cx.incomingBytes} bytes of other frames are coming in`
          : undefined;
    if (why !== undefined) {
      this.#skip = total - chunk.length;
      user.event({ kind: 'frame-dropped', peer: this.peer, bytes: total, why });
      return undefined;
    }
    this.#cx.incomingBytes += total;
    this.#incoming = { bytes: new Uint8Array(pool.take(total), 0, total), at: 0 };
    return this.#incoming;
  }

  #endIncoming(): void {
    if (this.#incoming === undefined) return;
    this.#cx.incomingBytes -= this.#incoming.bytes.length;
    this.#incoming = undefined;
  }

  /** No frames of ours: nothing that follows can be understood either. */
  #rubbish(): void {
    const ws = this.#connection?.ws;
    if (ws === undefined) return;
    ws.close(REFUSAL.malformed, 'no frame');
    this.#drop('it sent what is no frame');
  }

  #ping(ws: WebSocket): void {
    ws.ping();
    this.#cx.overhead.heartbeats++;
  }

  #beat(ws: WebSocket, socket: Socket): void {
    const { clock, limits } = this.#cx;
    let heard = socket.bytesRead;
    let unheard = 0;
    let still = 0;
    const again = (): void => {
      const stop = clock.wake(clock.now() + limits.heartbeatNs, () => {
        const bytes = socket.bytesRead - heard;
        heard += bytes;
        unheard = bytes === 0 ? unheard + 1 : 0;
        still = this.#incoming !== undefined && bytes < FRAME_PROGRESS_BYTES ? still + 1 : 0;
        if (unheard > 3) return this.#drop(`no sign of life for ${(unheard * limits.heartbeatNs) / 1e9} s`);
        if (still > 3) return this.#drop(`a frame stood still for ${(still * limits.heartbeatNs) / 1e9} s`);
        if (unheard > 0) this.#ping(ws);
        again();
      });
      this.#stopHeartbeat = stop;
    };
    again();
  }
}

const closeText = (code: number): string =>
  code === 1006 ? 'the connection broke' : code === 1000 ? 'it closed the connection' : `closed with ${code}`;
