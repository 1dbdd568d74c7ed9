// Takes WebSocket connections. Whoever has not proven itself holds a bounded number of sockets, each for a few seconds
// and a few kilobytes.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { Clock } from '../clock.ts';
import { type Address, formatAddress } from './address.ts';
import type { Gate } from './gate.ts';
import { freshNonce, greet } from './greet.ts';
import { type Identity, ListenerHandshake, type Proven, type Refusal, SUBPROTOCOL } from './handshake.ts';
import { CHUNK_BYTES } from './link.ts';
import { certifiedNames, isMutual, serverOptions, type Tls } from './tls.ts';

export interface ListenerOptions {
  readonly identity: Identity;
  readonly tls: Tls | undefined;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Whether a peer that has proven itself is wanted now. */
  accept(by: Proven): Refusal | undefined;
  proven(ws: WebSocket, socket: Socket, by: Proven): void;
  refused(who: string, why: string): void;
}

export interface Listener {
  /** With the port that it got. */
  readonly address: Address;
  /** Takes no more connections. */
  close(): void;
}

/** Longest head of the request that asks for a WebSocket. */
const HEADER_BYTES = 8192;
/** Until the request is there, after TLS, and until its sender has proven itself. */
const REQUEST_MS = 5000;
const PROOF_NS = 10e9;

/** Rejects with DiagnosticError BB761 if the system does not let us listen there. */
export async function listen(address: Address, options: ListenerOptions): Promise<Listener> {
  const { WebSocketServer } = await import('ws');
  const { identity, tls, gate, clock } = options;
  const limits = { maxHeaderSize: HEADER_BYTES, headersTimeout: REQUEST_MS, keepAlive: false };
  const onRequest = (_: IncomingMessage, response: { writeHead(code: number): { end(): void } }): void =>
    response.writeHead(426).end();
  const server: Server = address.secure
    ? createSecureServer({ ...serverOptions(tls ?? {}), ...limits, handshakeTimeout: REQUEST_MS }, onRequest)
    : createServer(limits, onRequest);
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: CHUNK_BYTES,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  /** What is to be done when a connection has proven itself or is gone. */
  const unproven = new Map<string, () => void>();
  server.on('connection', (socket: Socket) => {
    const [key, from] = [keyOf(socket), socket.remoteAddress ?? ''];
    if (!gate.enter(key, from, () => socket.destroy())) {
      socket.destroy();
      return options.refused(from, 'too many connections');
    }
    const stop = clock.wake(clock.now() + PROOF_NS, () => socket.destroy());
    const admitted = (): void => {
      stop();
      gate.leave(key);
      unproven.delete(key);
    };
    unproven.set(key, admitted);
    socket.once('close', admitted);
    socket.on('error', () => {});
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // A browser's page says where it comes from. None is a peer, and any could connect to this machine.
    const protocols = request.headers['sec-websocket-protocol'] ?? '';
    if (request.headers.origin !== undefined || !protocols.split(/, */).includes(SUBPROTOCOL)) {
      options.refused(socket.remoteAddress ?? '', 'not a peer');
      return socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const certified = isMutual(tls) ? certifiedNames(socket) : undefined;
      const machine = new ListenerHandshake({ identity, nonce: freshNonce(), certified }, options.accept);
      const who = socket.remoteAddress ?? '';
      greet(ws, socket, machine, clock, {
        proven(by) {
          unproven.get(keyOf(socket))?.();
          options.proven(ws, socket, by);
        },
        refused: ({ why }) => options.refused(who, why),
        failed: () => {},
      });
    });
  });
  const found = await bind(server, address);
  return { address: { ...address, port: found.port }, close: () => void server.close() };
}

/** The same for a socket and for the TLS socket over it. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

function bind(server: Server, address: Address): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void =>
      reject(
        new DiagnosticError(diagnostic('BB761', { address: formatAddress(address), reason: error.message })),
      );
    server.once('error', refused);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', refused);
      server.on('error', () => {});
      resolve(server.address() as AddressInfo);
    });
  });
}
