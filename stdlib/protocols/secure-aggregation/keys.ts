// Keys of a member, all from its secret of one flow; and what two members agree on.
//
// Key agreement is a hybrid: X25519 (RFC 7748) and ML-KEM-768 (FIPS 203), both of whose secrets go into one HKDF (RFC 5869), so
// that it holds as long as either does. ML-KEM needs a message, a ciphertext, which travels beside the shares.

import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';

const NAME = 'bytesandbrains secure aggregation 1';
const KEM_KEY = 1184;
export const CIPHERTEXT = 1088;
const HALF = 32 + KEM_KEY;
/** Bytes of what a member makes known: two pairs of public keys, and what its self mask's seed must hash to. */
export const PUBLIC = 2 * HALF + 32;
/** Bytes of a member's secret: of the channel's keys, of the masks' keys, of its self mask. */
export const SECRET = 96;

const utf8 = new TextEncoder();
const uint32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Parts that cannot be mistaken for others when joined: each with its length before it. */
function joined(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === 'string' ? utf8.encode(part) : part));
  const result = new Uint8Array(bytes.reduce((sum, one) => sum + 4 + one.length, 0));
  let at = 0;
  for (const one of bytes) {
    result.set(uint32(one.length), at);
    result.set(one, at + 4);
    at += 4 + one.length;
  }
  return result;
}

/** Bytes that are as random as the secret, others for each info. */
export const derive = (
  secret: Uint8Array,
  length: number,
  ...info: readonly (string | Uint8Array)[]
): Uint8Array => hkdf(sha256, secret, undefined, joined(NAME, ...info), length);

/** As many as one needs, of a key that is used for nothing else. */
export const stream = (key: Uint8Array, length: number): Uint8Array =>
  chacha20(key, new Uint8Array(12), new Uint8Array(length));

/** An agreement between two: its own X25519 secret and ML-KEM pair, from 32 secret bytes. */
export class Pair {
  readonly #seed: Uint8Array;
  readonly #known = new Map<string, Uint8Array>();
  #exchange: Uint8Array | undefined;
  #kem: ReturnType<typeof ml_kem768.keygen> | undefined;

  constructor(seed: Uint8Array) {
    this.#seed = seed;
  }

  get #secret(): Uint8Array {
    this.#exchange ??= derive(this.#seed, 32, 'x25519');
    return this.#exchange;
  }
  get #encapsulation(): ReturnType<typeof ml_kem768.keygen> {
    this.#kem ??= ml_kem768.keygen(derive(this.#seed, 64, 'ml-kem-768'));
    return this.#kem;
  }

  get public(): Uint8Array {
    const result = new Uint8Array(HALF);
    result.set(x25519.getPublicKey(this.#secret));
    result.set(this.#encapsulation.publicKey, 32);
    return result;
  }

  /** What this one sends to another, and what both then know: the same each time for the same label. */
  to(other: Uint8Array, label: Uint8Array): { readonly ciphertext: Uint8Array; readonly shared: Uint8Array } {
    const coins = derive(this.#seed, 32, 'encapsulate', other, label);
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(other.slice(32, HALF), coins);
    return { ciphertext: cipherText, shared: this.#agreed(other, sharedSecret, cipherText, label) };
  }

  /** The same, of who got the ciphertext. */
  from(other: Uint8Array, ciphertext: Uint8Array, label: Uint8Array): Uint8Array {
    const secret = ml_kem768.decapsulate(ciphertext, this.#encapsulation.secretKey);
    return this.#agreed(other, secret, ciphertext, label);
  }

  /** Both classical and post-quantum secret, bound to the ciphertext and to what the label says of both sides. */
  #agreed(other: Uint8Array, kem: Uint8Array, ciphertext: Uint8Array, label: Uint8Array): Uint8Array {
    return derive(joined(this.#classical(other), kem), 32, 'agreed', sha256(ciphertext), label);
  }

  /** Asked for more than once in a flow, and the most work of all. */
  #classical(other: Uint8Array): Uint8Array {
    const key = other.subarray(0, 32).join();
    const known = this.#known.get(key) ?? x25519.getSharedSecret(this.#secret, other.slice(0, 32));
    this.#known.set(key, known);
    return known;
  }
}

/** Whom an agreement is between, in which round, for what. */
export const labelOf = (
  what: string,
  round: bigint,
  sender: string,
  receiver: string,
  senderKeys: Uint8Array,
  receiverKeys: Uint8Array,
): Uint8Array => joined(what, `${round}`, sender, receiver, sha256(senderKeys), sha256(receiverKeys));

/** What a member's secret of one flow stands for. */
export class Member {
  readonly channel: Pair;
  readonly masks: Pair;
  readonly maskSeed: Uint8Array;
  readonly selfSeed: Uint8Array;
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
    this.maskSeed = secret.slice(32, 64);
    this.selfSeed = secret.slice(64, 96);
    this.channel = new Pair(secret.slice(0, 32));
    this.masks = new Pair(this.maskSeed);
  }

  get public(): Uint8Array {
    const result = new Uint8Array(PUBLIC);
    result.set(this.channel.public);
    result.set(this.masks.public, HALF);
    result.set(commitment(this.selfSeed), 2 * HALF);
    return result;
  }

  /** Random coefficients of the polynomials of both seeds. */
  coefficients(count: number, round: bigint): Uint8Array {
    return stream(derive(this.#secret, 32, 'shares', `${round}`), count);
  }
}

/** Of a member's public keys: those of the channel, those of the masks, and its self mask's commitment. */
export const channelKeys = (keys: Uint8Array): Uint8Array => keys.subarray(0, HALF);
export const maskKeys = (keys: Uint8Array): Uint8Array => keys.subarray(HALF, 2 * HALF);
export const committed = (keys: Uint8Array): Uint8Array => keys.subarray(2 * HALF, PUBLIC);
export const commitment = (selfSeed: Uint8Array): Uint8Array => derive(selfSeed, 32, 'commitment');

/** Authenticated encryption under a key that encrypts once (RFC 8439). `open` throws for what was not sealed so. */
export const seal = (key: Uint8Array, text: Uint8Array): Uint8Array =>
  chacha20poly1305(key, new Uint8Array(12)).encrypt(text);
export const open = (key: Uint8Array, sealed: Uint8Array): Uint8Array =>
  chacha20poly1305(key, new Uint8Array(12)).decrypt(sealed);

/** Whole numbers modulo 2³², all equally likely: others for each round and tensor of one secret. */
export function maskOf(secret: Uint8Array, round: bigint, tensor: string, count: number): Uint32Array {
  const bytes = stream(derive(secret, 32, 'mask', `${round}`, tensor), 4 * count);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}
