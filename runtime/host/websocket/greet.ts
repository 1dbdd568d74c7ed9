// Runs the handshake over a fresh WebSocket, within its bounds of bytes and time.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { HANDSHAKE_BYTES, isFinal, type Proven, REFUSAL, type Refusal, type Step } from './handshake.ts';

/** Room for the framing of WebSocket around the handshake. */
const FRAMING_BYTES = 512;
const HANDSHAKE_NS = 5e9;

export const freshNonce = (): string => randomBytes(32).toString('hex');

export interface Greeting {
  proven(by: Proven): void;
  /** We refuse. */
  refused(refusal: Refusal): void;
  /** The other refuses, or is gone. */
  failed(why: string, final: boolean): void;
}

/** Calls one of the outcomes, once, before any further message of the socket is looked at. */
export function greet(
  ws: WebSocket,
  socket: Socket,
  machine: { receive(text: string): Step },
  clock: Clock,
  outcome: Greeting,
): void {
  const begin = socket.bytesRead;
  const end = (): void => {
    stop();
    ws.off('message', onMessage);
    ws.off('close', onClose);
    ws.off('error', onError);
    socket.off('data', onData);
    // Until somebody else listens: an error without a listener ends the process.
    ws.on('error', () => {});
  };
  const refuse = (refusal: Refusal): void => {
    end();
    ws.close(refusal.code, closeReason(refusal.why));
    // A peer that does not answer the closing is not waited for.
    clock.wake(clock.now() + 1e9, () => ws.terminate());
    outcome.refused(refusal);
  };
  const stop = clock.wake(clock.now() + HANDSHAKE_NS, () =>
    refuse({ code: REFUSAL.slow, why: `no proof within ${HANDSHAKE_NS / 1e9} s` }),
  );
  const onData = (): void => {
    if (socket.bytesRead - begin <= HANDSHAKE_BYTES + FRAMING_BYTES) return;
    end();
    socket.destroy();
    outcome.refused({ code: REFUSAL.malformed, why: `more than ${HANDSHAKE_BYTES} bytes before any proof` });
  };
  const onMessage = (data: Buffer, isBinary: boolean): void => {
    if (isBinary) return refuse({ code: REFUSAL.malformed, why: 'no handshake' });
    const step = machine.receive(data.toString('utf8'));
    if (step.kind === 'send') return ws.send(step.text);
    if (step.kind === 'refuse') return refuse(step.refusal);
    end();
    if (step.text !== undefined) ws.send(step.text);
    outcome.proven(step.by);
  };
  const onClose = (code: number, reason: Buffer): void => {
    end();
    outcome.failed(reason.length > 0 ? reason.toString('utf8') : `closed with ${code}`, isFinal(code));
  };
  const onError = (error: Error): void => {
    end();
    ws.terminate();
    outcome.failed(error.message, false);
  };
  ws.on('message', onMessage);
  ws.on('close', onClose);
  ws.on('error', onError);
  socket.on('data', onData);
}

/** A closing takes 123 bytes of text. */
function closeReason(why: string): string {
  let text = why.slice(0, 120);
  while (Buffer.byteLength(text) > 120) text = text.slice(0, -1);
  return text;
}
