// Keeps one connection to one other peer: dials, and dials again after a growing, random pause.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { type Address, formatAddress, isLoopback } from './address.ts';
import { freshNonce, greet } from './greet.ts';
import { DialerHandshake, type Identity, isFinal, type Proven, SUBPROTOCOL } from './handshake.ts';
import { CHUNK_BYTES } from './link.ts';
import { certifiedNames, clientOptions, isMutual, type Tls } from './tls.ts';

export interface Target {
  /** undefined: whoever is there. */
  readonly peer: string | undefined;
  /** Tried in turn. */
  readonly addresses: readonly Address[];
}

export interface DialerOptions {
  readonly identity: Identity;
  readonly tls: Tls | undefined;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  isConnected(peer: string): boolean;
  proven(ws: WebSocket, socket: Socket, by: Proven): void;
  refused(who: string, why: string, final: boolean): void;
}

const FIRST_PAUSE_NS = 50e6;
const LONGEST_PAUSE_NS = 5e9;
/** Until the connection is open. */
const OPEN_MS = 10_000;

/** Errors that stay until somebody changes something. */
const NO_USE = /certificate|altnames|response: 403/i;

/**
 * Masks keep a web page from sending a proxy bytes that it takes for a request. There is no proxy on this machine or
 * within TLS, and a mask of zeros is free, where others cost more than everything else on the way.
 */
const noMask = (mask: Buffer): void => void mask.fill(0);

export class Dialer {
  readonly #target: Target;
  readonly #options: DialerOptions;
  /** Known from the start, or since somebody was there. */
  #peer: string | undefined;
  #attempts = 0;
  #stopPause: (() => void) | undefined;
  #attempt: { readonly ws: WebSocket; machine?: DialerHandshake } | undefined;
  #closed = false;

  constructor(target: Target, options: DialerOptions) {
    this.#target = target;
    this.#options = options;
    this.#peer = target.peer;
  }

  /** Whom we dial, as far as it is known. */
  get peer(): string | undefined {
    return this.#peer;
  }

  /** Whether a handshake with this peer is under way. */
  greets(peer: string): boolean {
    return this.#attempt?.machine !== undefined && (this.#peer ?? this.#attempt.machine.other) === peer;
  }

  /** Dials unless it does so already or is connected. */
  start(): void {
    if (this.#closed || this.#attempt !== undefined || this.#stopPause !== undefined) return;
    if (this.#peer !== undefined && this.#options.isConnected(this.#peer)) return;
    void this.#dial();
  }

  /** The peer is connected by another way. */
  settle(): void {
    this.#attempts = 0;
    this.#stopPause?.();
    this.#stopPause = undefined;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.ws.terminate();
  }

  close(): void {
    this.#closed = true;
    this.settle();
  }

  async #dial(): Promise<void> {
    const { WebSocket } = await import('ws');
    if (this.#closed || this.#attempt !== undefined) return;
    const { addresses } = this.#target;
    const address = addresses[this.#attempts % addresses.length]!;
    const url = formatAddress(address);
    const { tls } = this.#options;
    const ws = new WebSocket(url, [SUBPROTOCOL], {
      perMessageDeflate: false,
      maxPayload: CHUNK_BYTES,
      handshakeTimeout: OPEN_MS,
      ...(address.secure ? clientOptions(tls ?? {}) : {}),
      ...(address.secure || isLoopback(address.host) ? { generateMask: noMask } : {}),
    });
    const attempt: { readonly ws: WebSocket; machine?: DialerHandshake } = { ws };
    this.#attempt = attempt;
    let socket: Socket;
    ws.once('upgrade', (response: IncomingMessage) => {
      socket = response.socket;
    });
    const failed = (why: string, final: boolean): void => {
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      if (final) this.#options.refused(`${this.#peer ?? 'the peer'} at ${url}`, why, true);
      this.#again();
    };
    const onError = (error: Error): void => failed(error.message, NO_USE.test(error.message));
    ws.on('error', onError);
    ws.once('open', () => {
      ws.off('error', onError);
      const certified = isMutual(tls) && address.secure ? certifiedNames(socket) : undefined;
      const machine = new DialerHandshake({
        identity: this.#options.identity,
        nonce: freshNonce(),
        certified,
        to: this.#peer,
      });
      attempt.machine = machine;
      greet(ws, socket, machine, this.#options.clock, {
        proven: (by) => {
          this.#attempt = undefined;
          this.#peer ??= by.peer;
          this.#options.proven(ws, socket, by);
        },
        refused: ({ code, why }) => failed(why, isFinal(code)),
        failed,
      });
      ws.send(machine.start());
    });
  }

  #again(): void {
    if (this.#closed) return;
    const { clock, random } = this.#options;
    const longest = Math.min(LONGEST_PAUSE_NS, FIRST_PAUSE_NS * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 30);
    // Half of it fixed, so that nobody dials in a loop; half by chance, so that peers do not dial in step.
    this.#stopPause = clock.wake(clock.now() + longest * (0.5 + random() / 2), () => {
      this.#stopPause = undefined;
      this.start();
    });
  }
}
