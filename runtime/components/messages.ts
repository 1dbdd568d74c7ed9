// Components' own messages: bytes by the schemas that they declare, and how many of them a peer may send.

import { hashName } from '../../ir/philox.ts';
import { decode, type Table } from '../proto/codec.ts';

const hashes = new WeakMap<Table<unknown>, bigint>();

/** Equal for schemas whose messages have the same fields. */
export function typeHashOf(schema: Table<unknown>): bigint {
  let hash = hashes.get(schema);
  if (hash === undefined) {
    hash = hashName(describe(schema, 0));
    hashes.set(schema, hash);
  }
  return hash;
}

/** A schema that holds itself is told of as deep as any message gets to matter. */
const describe = ({ fields }: Table<unknown>, depth: number): string =>
  fields
    .map(({ number, kind, repeated, optional, table }) => {
      const inner = table === undefined || depth > 4 ? '' : `{${describe(table, depth + 1)}}`;
      return `${number}${kind}${repeated ? '*' : optional ? '?' : ''}${inner}`;
    })
    .join();

/** Messages within one message. */
const MESSAGES = 4096;

/** The message in `data`; in words, why it is none. */
export function bodyOf(schema: Table<unknown>, data: Uint8Array): object | string {
  try {
    return decode(schema, data, MESSAGES) as object;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

export interface Bucket {
  readonly peer: string;
  left: number;
  atNs: number;
}

/** A bucket for each peer that has sent anything: so many messages at once, and so many more each second. */
export class Rates {
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(most: number) {
    this.#most = most;
  }

  get buckets(): Iterable<Bucket> {
    return this.#buckets.values();
  }

  put(bucket: Bucket): void {
    this.#buckets.set(bucket.peer, bucket);
  }

  take(peer: string, now: number): boolean {
    const bucket = this.#buckets.get(peer) ?? { peer, left: this.#most, atNs: now };
    this.#buckets.set(peer, bucket);
    bucket.left = Math.min(this.#most, bucket.left + ((now - bucket.atNs) / 1e9) * this.#most);
    bucket.atNs = now;
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
