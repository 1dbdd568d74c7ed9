// The WebSocket transport: one connection between each pair of peers that talk, whoever dialled.
//
// If two peers dial each other at once, the connection that the smaller id dialled stays. It alone decides: as the
// listener of the other one it refuses with `busy` once its own handshake has begun, and else gives its own up.

import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import { defaultLimits } from '../../limits.ts';
import { BufferPool } from '../buffer-pool.ts';
import { type Clock, systemClock } from '../clock.ts';
import { POOL_BYTES } from '../driver.ts';
import { noOverhead } from '../overhead.ts';
import type { SendOutcome, Transport, TransportUser } from '../transport.ts';
import { type Address, formatAddress, isLoopback } from './address.ts';
import { Dialer, type Target } from './dialer.ts';
import { defaultGateLimits, Gate, type GateLimits } from './gate.ts';
import { type Identity, type Proven, REFUSAL, type Refusal } from './handshake.ts';
import { Link, type LinkContext, type LinkLimits } from './link.ts';
import { type Listener, listen } from './listener.ts';
import { isMutual, type Tls } from './tls.ts';

export interface WebSocketOptions {
  readonly identity: Identity;
  readonly listen?: readonly Address[];
  readonly dial?: readonly Target[];
  readonly tls?: Tls;
  readonly limits?: Partial<LinkLimits & GateLimits>;
  readonly clock?: Clock;
  /** For pauses between attempts: 0 to 1. */
  readonly random?: () => number;
  /** Where buffers of frames come from. */
  readonly pool?: BufferPool;
}

const defaultLinkLimits: LinkLimits = {
  queueBytes: 256 * 2 ** 20,
  queueFrames: 4096,
  frameBytes: defaultLimits.frameBytes,
  incomingBytes: defaultLimits.bytes,
  heartbeatNs: 5e9,
};
/** How long `close` waits for frames to leave. */
const FLUSH_NS = 5e9;
const REPORT_NS = 1e9;

/** Rejects with DiagnosticError: BB761 where it cannot listen, BB762 where anybody could get in. */
export async function startWebSockets(
  options: WebSocketOptions,
  user: TransportUser,
): Promise<WebSocketTransport> {
  refuseOpenDoors(options);
  const transport = new WebSocketTransport(options, user);
  try {
    await transport.start(options.listen ?? []);
  } catch (error) {
    await transport.close();
    throw error;
  }
  return transport;
}

/** Whoever is reached from elsewhere, or reaches elsewhere, asks for a proof. */
function refuseOpenDoors({ identity, listen: own = [], dial = [], tls }: WebSocketOptions): void {
  if (identity.token !== undefined) return;
  const problems = [...own, ...dial.flatMap(({ addresses }) => addresses)]
    .filter(({ host, secure }) => !isLoopback(host) && !(secure && isMutual(tls)))
    .map((address) => diagnostic('BB762', { address: formatAddress(address) }));
  if (problems.length > 0) throw new DiagnosticError(problems);
}

export class WebSocketTransport implements Transport {
  readonly #options: WebSocketOptions;
  readonly #user: TransportUser;
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly overhead = noOverhead();
  readonly #links = new Map<string, Link>();
  readonly #dialers: Dialer[] = [];
  #listeners: readonly Listener[] = [];
  #lastReport = Number.NEGATIVE_INFINITY;
  #unreported = 0;
  #closed = false;

  constructor(options: WebSocketOptions, user: TransportUser) {
    const { identity, clock = systemClock } = options;
    const limits = { ...defaultLinkLimits, ...defaultGateLimits, ...options.limits };
    this.#options = options;
    this.#user = user;
    this.#identity = identity;
    this.#clock = clock;
    this.#gate = new Gate(limits, clock);
    const pool = options.pool ?? new BufferPool(POOL_BYTES);
    const cx: LinkContext = { limits, pool, clock, user, overhead: this.overhead, incomingBytes: 0 };
    for (const peer of identity.members)
      if (peer !== identity.peer) this.#links.set(peer, new Link(peer, cx, () => this.#dial()));
  }

  /** Where it listens. */
  get addresses(): readonly Address[] {
    return this.#listeners.map(({ address }) => address);
  }

  async start(addresses: readonly Address[]): Promise<void> {
    const { tls } = this.#options;
    for (const address of addresses) {
      const listener = await listen(address, {
        identity: this.#identity,
        tls,
        gate: this.#gate,
        clock: this.#clock,
        accept: (by) => this.#accept(by),
        proven: (ws, socket, by) => this.#attach(ws, socket, by),
        refused: (who, why) => this.#report(who, why),
      });
      this.#listeners = [...this.#listeners, listener];
    }
    for (const target of this.#options.dial ?? []) this.dial(target);
  }

  /** Keeps a connection to the target from now on. */
  dial(target: Target): void {
    const { identity, tls, clock = systemClock, random = Math.random } = this.#options;
    const dialer = new Dialer(target, {
      identity,
      tls,
      clock,
      random,
      isConnected: (peer) => this.#links.get(peer)?.incarnation !== undefined,
      proven: (ws, socket, by) => this.#attach(ws, socket, by),
      refused: (who, why, fatal) => this.#user.event({ kind: 'refused', who, why, fatal }),
    });
    this.#dialers.push(dialer);
    dialer.start();
  }

  send(to: string, pieces: readonly Uint8Array[]): SendOutcome {
    const link = this.#links.get(to);
    return link === undefined || this.#closed ? 'unreachable' : link.send(pieces);
  }

  tell(to: string, note: string): void {
    this.#links.get(to)?.tell(note);
  }

  get queued(): { readonly frames: number; readonly bytes: number } {
    const sum = { frames: 0, bytes: 0 };
    for (const { queued } of this.#links.values()) {
      sum.frames += queued.frames;
      sum.bytes += queued.bytes;
    }
    return sum;
  }

  forget(peer: string): void {
    this.#links.get(peer)?.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const dialer of this.#dialers) dialer.close();
    for (const listener of this.#listeners) listener.close();
    const links = [...this.#links.values()];
    let stop = (): void => {};
    const patience = new Promise<void>((resolve) => {
      stop = this.#clock.wake(this.#clock.now() + FLUSH_NS, resolve);
    });
    await Promise.race([Promise.all(links.map((link) => link.flush())), patience]);
    stop();
    await Promise.all(links.map((link) => link.close()));
  }

  /** Called by the listener, at the moment when the other has proven itself. */
  #accept({ peer, incarnation }: Proven): Refusal | undefined {
    const link = this.#links.get(peer)!;
    const busy = { code: REFUSAL.busy, why: 'another connection serves' };
    if (this.#closed) return busy;
    if (incarnation < link.newest)
      return { code: REFUSAL.peer, why: `a later start of ${peer} was here already` };
    if (link.incarnation === incarnation) {
      link.probe();
      return busy;
    }
    const ours = this.#identity.peer < peer && this.#dialers.some((dialer) => dialer.greets(peer));
    return ours ? busy : undefined;
  }

  #attach(ws: WebSocket, socket: Socket, by: Proven): void {
    const link = this.#links.get(by.peer)!;
    if (this.#closed || link.incarnation === by.incarnation) return ws.terminate();
    for (const dialer of this.#dialers)
      if (dialer.peer === by.peer || dialer.greets(by.peer)) dialer.settle();
    link.attach(ws, socket, by);
  }

  #dial(): void {
    if (!this.#closed) for (const dialer of this.#dialers) dialer.start();
  }

  /** Anybody can knock as often as they like, so only one report a second is made. */
  #report(who: string, why: string): void {
    const now = this.#clock.now();
    if (now - this.#lastReport < REPORT_NS) {
      this.#unreported++;
      return;
    }
    const more = this.#unreported === 0 ? '' : ` (and ${this.#unreported} more since the last report)`;
    this.#lastReport = now;
    this.#unreported = 0;
    this.#user.event({ kind: 'refused', who, why: `${why}${more}`, fatal: false });
  }
}
