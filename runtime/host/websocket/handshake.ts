// How two peers prove themselves to each other on a fresh WebSocket, before anything else may pass.
//
//   dialer                                              listener
//   WebSocket upgrade, subprotocol "bbc.1"         →
//   {"bbc":1,"wire":[1],"deployment":D,"peer":A,
//    "incarnation":n,"nonce":NA,"to":B}            →    knows D and A, is B
//                                                  ←    {"bbc":1, …, "peer":B, "nonce":NB}
//   {"proof":MAC("dialer")}                        →    checks it, and whether it wants this connection
//                                                  ←    {"proof":MAC("listener")}
//
// Text messages of at most HANDSHAKE_BYTES in all, within a few seconds. "to" is absent where the dialer does not know
// whom it will find. A nonce is 32 random bytes in hex, and
//   MAC(role) = HMAC-SHA256(token, JSON [ "bbc handshake 1", role, D, A, B, NA, NB ]) in hex:
// bound to both peers, both nonces and a direction, so that it serves neither again nor backwards. The dialer proves
// first: whoever only connects learns nothing that the token could be guessed from. Without a token both proofs are "",
// and the connection is as safe as its TLS, or as the loopback device. Under mutual TLS a peer's certificate names it
// as its common name or as an alternative name, `DNS:<peer>` or `URI:bbc:<peer>`, checked here beside the proof.
//
// Whoever refuses closes with one of the codes below; the reason is for people. The proof says who is there when the
// connection begins. It does not protect what passes afterwards: that is what wss is for.
//
// After the handshake: text messages are notes from host to host; binary messages of at most CHUNK_BYTES are frames in
// order, each from the first byte of a message on, as many messages as its prefix says.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { WIRE_VERSION } from '../../../ir/deployment.ts';

export const SUBPROTOCOL = 'bbc.1';
export const HANDSHAKE_BYTES = 4096;
const HANDSHAKE_VERSION = 1;
const NONCE = /^[0-9a-f]{64}$/;

/** Close codes. */
export const REFUSAL = {
  malformed: 4400,
  proof: 4401,
  peer: 4403,
  deployment: 4404,
  version: 4405,
  slow: 4408,
  /** Another connection serves, or soon will. */
  busy: 4409,
} as const;

export interface Refusal {
  readonly code: (typeof REFUSAL)[keyof typeof REFUSAL];
  readonly why: string;
}

/** Trying again will not help: somebody has to change something. */
export const isFinal = (code: number): boolean =>
  code === REFUSAL.proof || code === REFUSAL.peer || code === REFUSAL.deployment || code === REFUSAL.version;

/** Who we are, and whom we let in. */
export interface Identity {
  readonly deployment: string;
  readonly peer: string;
  readonly incarnation: number;
  /** Peers of the deployment. */
  readonly members: ReadonlySet<string>;
  readonly token: Uint8Array | undefined;
}

export interface Proven {
  readonly peer: string;
  readonly incarnation: number;
  /** Its certificate names it. A token says only that it is one of those who know it. */
  readonly certified: boolean;
}

export type Step =
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  /** The handshake is over; `text` is still to be sent, if there is one. */
  | { readonly kind: 'proven'; readonly by: Proven; readonly text?: string };

interface Hello extends Omit<Proven, 'certified'> {
  readonly deployment: string;
  readonly nonce: string;
  readonly to: string | undefined;
}

export interface HandshakeOptions {
  readonly identity: Identity;
  /** 32 random bytes in hex. */
  readonly nonce: string;
  /** Names in the other's certificate, under mutual TLS. */
  readonly certified: ReadonlySet<string> | undefined;
}

const refuse = (code: Refusal['code'], why: string): Step => ({ kind: 'refuse', refusal: { code, why } });

export class ListenerHandshake {
  readonly #options: HandshakeOptions;
  /** Whether a peer that has proven itself is wanted now. */
  readonly #accept: (by: Proven) => Refusal | undefined;
  #hello: Hello | undefined;

  constructor(options: HandshakeOptions, accept: (by: Proven) => Refusal | undefined) {
    this.#options = options;
    this.#accept = accept;
  }

  receive(text: string): Step {
    const { identity, nonce, certified } = this.#options;
    if (this.#hello === undefined) {
      const hello = readHello(text);
      if ('code' in hello) return { kind: 'refuse', refusal: hello };
      const refusal = examine(hello, identity, certified);
      if (refusal !== undefined) return { kind: 'refuse', refusal };
      this.#hello = hello;
      return { kind: 'send', text: writeHello(identity, nonce, undefined) };
    }
    const { peer, incarnation } = this.#hello;
    const mac = macOf(identity, {
      dialer: [peer, this.#hello.nonce],
      listener: [identity.peer, nonce],
    });
    const problem = checkProof(text, mac('dialer'));
    if (problem !== undefined) return problem;
    const by = { peer, incarnation, certified: certified !== undefined };
    const refusal = this.#accept(by);
    if (refusal !== undefined) return { kind: 'refuse', refusal };
    return { kind: 'proven', by, text: JSON.stringify({ proof: mac('listener') }) };
  }
}

export class DialerHandshake {
  readonly #options: HandshakeOptions & { readonly to: string | undefined };
  #hello: Hello | undefined;

  /** `to`: whom the dialer wants; undefined: anybody of the deployment. */
  constructor(options: HandshakeOptions & { readonly to: string | undefined }) {
    this.#options = options;
  }

  /** Who the other says it is, once it has. */
  get other(): string | undefined {
    return this.#hello?.peer;
  }

  /** The first message. */
  start(): string {
    const { identity, nonce, to } = this.#options;
    return writeHello(identity, nonce, to);
  }

  receive(text: string): Step {
    const { identity, nonce, certified, to } = this.#options;
    const first = this.#hello === undefined;
    const hello = this.#hello ?? readHello(text);
    if ('code' in hello) return { kind: 'refuse', refusal: hello };
    const { peer, incarnation } = hello;
    const mac = macOf(identity, {
      dialer: [identity.peer, nonce],
      listener: [peer, hello.nonce],
    });
    const by = { peer, incarnation, certified: certified !== undefined };
    if (!first) return checkProof(text, mac('listener')) ?? { kind: 'proven', by };
    const refusal = examine(hello, identity, certified);
    if (refusal !== undefined) return { kind: 'refuse', refusal };
    if (to !== undefined && peer !== to) return refuse(REFUSAL.peer, `${peer} is there, not ${to}`);
    this.#hello = hello;
    return { kind: 'send', text: JSON.stringify({ proof: mac('dialer') }) };
  }
}

function writeHello(identity: Identity, nonce: string, to: string | undefined): string {
  const { deployment, peer, incarnation } = identity;
  return JSON.stringify({
    bbc: HANDSHAKE_VERSION,
    wire: [WIRE_VERSION],
    deployment,
    peer,
    incarnation,
    nonce,
    ...(to === undefined ? {} : { to }),
  });
}

/** Bytes from anybody: a hello, or why they are none. */
function readHello(text: string): Hello | Refusal {
  const fields = parse(text);
  if (fields === undefined) return { code: REFUSAL.malformed, why: 'no hello' };
  const { bbc, wire, deployment, peer, incarnation, nonce, to } = fields;
  if (bbc !== HANDSHAKE_VERSION || !Array.isArray(wire) || !wire.includes(WIRE_VERSION))
    return {
      code: REFUSAL.version,
      why: `handshake ${HANDSHAKE_VERSION} and wire ${WIRE_VERSION} are spoken here`,
    };
  const wellFormed =
    typeof deployment === 'string' &&
    typeof peer === 'string' &&
    typeof incarnation === 'number' &&
    Number.isSafeInteger(incarnation) &&
    incarnation > 0 &&
    typeof nonce === 'string' &&
    NONCE.test(nonce) &&
    (to === undefined || typeof to === 'string');
  return wellFormed
    ? { deployment, peer, incarnation, nonce, to }
    : { code: REFUSAL.malformed, why: 'no hello' };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function examine(
  { deployment, peer, to }: Hello,
  identity: Identity,
  certified: ReadonlySet<string> | undefined,
): Refusal | undefined {
  if (deployment !== identity.deployment)
    return { code: REFUSAL.deployment, why: `deployment ${identity.deployment.slice(0, 12)} runs here` };
  if (!identity.members.has(peer) || peer === identity.peer)
    return { code: REFUSAL.peer, why: 'no such peer' };
  if (to !== undefined && to !== identity.peer)
    return { code: REFUSAL.peer, why: `this is ${identity.peer}` };
  if (certified !== undefined && !certified.has(peer))
    return { code: REFUSAL.proof, why: `the certificate does not name ${peer}` };
  return undefined;
}

/** Each side's peer and nonce. */
interface Exchange {
  readonly dialer: readonly [peer: string, nonce: string];
  readonly listener: readonly [peer: string, nonce: string];
}

const macOf =
  ({ token, deployment }: Identity, { dialer: [A, NA], listener: [B, NB] }: Exchange) =>
  (role: 'dialer' | 'listener'): string =>
    token === undefined
      ? ''
      : createHmac('sha256', token)
          .update(JSON.stringify(['bbc handshake 1', role, deployment, A, B, NA, NB]))
          .digest('hex');

function checkProof(text: string, expected: string): Step | undefined {
  const proof = parse(text)?.proof;
  if (typeof proof !== 'string') return refuse(REFUSAL.malformed, 'no proof');
  const [given, wanted] = [Buffer.from(proof), Buffer.from(expected)];
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return undefined;
  const why =
    proof === ''
      ? 'a token is wanted here'
      : expected === ''
        ? 'no token is wanted here'
        : 'another token is used here';
  return refuse(REFUSAL.proof, why);
}
