// What the peers of program 8 of the semantics have: the updates that trainers sent, by window; and a key to sign with.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { DataValue, ProtocolDeclaration, Tensor } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import {
  bigintsOf,
  float32s,
  float32sOf,
  int64,
  strings,
  stringsOf,
  tensorOf,
} from '../../stdlib/components.ts';

const window = { name: 'window', dtype: 'int64', shape: [] } as const;
const digest = { name: 'digest', dtype: 'int64', shape: [] } as const;
export const SIZE = 3;
export const QUORUM = 2;
const SIGNATURE = 64;

export const pool = {
  methods: {
    Add: {
      kind: 'update',
      inputs: [
        window,
        { name: 'from', dtype: 'string', shape: [1] },
        { name: 'value', dtype: 'float32', shape: [SIZE] },
      ],
      options: {},
      outputs: [],
    },
    Senders: {
      kind: 'query',
      inputs: [window],
      options: {},
      outputs: [{ name: 'senders', dtype: 'string', shape: ['K'] }],
    },
    Pick: {
      kind: 'query',
      inputs: [window, { name: 'from', dtype: 'string', shape: ['K'] }],
      options: {},
      outputs: [{ name: 'values', dtype: 'float32', shape: ['K', SIZE] }],
    },
  },
} as const satisfies ProtocolDeclaration;

/** `lies`: what is picked of it is not what came. */
export class Pool implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = pool;
  readonly #updates = new Map<bigint, Map<string, Float32Array>>();
  readonly #lies: boolean;

  constructor(lies = false) {
    this.#lies = lies;
  }

  call({ method, inputs: [first, second, third] }: NodeCall): readonly DataValue[] {
    const at = bigintsOf(first, 'window')[0]!;
    const known = this.#updates.get(at) ?? new Map<string, Float32Array>();
    this.#updates.set(at, known);
    if (method === 'Senders') return [strings([...known.keys()].sort())];
    const from = stringsOf(second, 'from');
    if (method === 'Add') {
      known.set(from[0]!, float32sOf(third, 'value'));
      return [];
    }
    const values = from.flatMap((one) => {
      const value = known.get(one);
      if (value === undefined) throw new Error(`nothing came of ${one}`);
      return [...value].map((number) => (this.#lies ? number + 1 : number));
    });
    return [float32s([from.length, SIZE], Float32Array.from(values))];
  }
}

const signed = [
  { name: 'signers', dtype: 'string', shape: [QUORUM] },
  { name: 'signatures', dtype: 'uint8', shape: [QUORUM, SIGNATURE] },
] as const;

export const identity = {
  methods: {
    Sign: {
      kind: 'query',
      inputs: [digest],
      options: {},
      outputs: [{ name: 'signature', dtype: 'uint8', shape: [SIGNATURE] }],
    },
    /** Of the digest that a quorum has signed, the first of them; missing without one. */
    Certificate: {
      kind: 'query',
      inputs: [
        { name: 'digests', dtype: 'int64', shape: ['K'] },
        { name: 'signatures', dtype: 'uint8', shape: ['K', SIGNATURE] },
        { name: 'senders', dtype: 'string', shape: ['K'] },
      ],
      options: {},
      outputs: [digest, ...signed],
    },
    Check: {
      kind: 'query',
      inputs: [digest, ...signed],
      options: {},
      outputs: [{ name: 'holds', dtype: 'bool', shape: [] }],
    },
  },
} as const satisfies ProtocolDeclaration;

/** RFC 8410: what stands before the 32 bytes of an Ed25519 key. */
const DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKey = (peer: string) =>
  createPrivateKey({
    key: Buffer.concat([DER, createHash('sha256').update(peer).digest()]),
    format: 'der',
    type: 'pkcs8',
  });
const bytesOf = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);
const isSigned = (peer: string, value: bigint, signature: Uint8Array): boolean =>
  verify(null, bytesOf(value), createPublicKey(privateKey(peer)), signature);

export class Identity implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = identity;

  call(
    { method, inputs: [first, second, third] }: NodeCall,
    { peer }: ComponentContext,
  ): readonly DataValue[] {
    const digests = [...bigintsOf(first, 'digest')];
    if (method === 'Sign') {
      const made = sign(null, bytesOf(digests[0]!), privateKey(peer));
      return [{ dtype: 'uint8', dims: [SIGNATURE], bytes: new Uint8Array(made) }];
    }
    if (method === 'Check') {
      const signers = stringsOf(second, 'signers');
      const rows = rowsOf(tensorOf(third, 'signatures'));
      const holds =
        new Set(signers).size >= QUORUM &&
        signers.every((one, at) => one.startsWith('validator/') && isSigned(one, digests[0]!, rows[at]!));
      return [{ dtype: 'bool', dims: [], bytes: Uint8Array.of(holds ? 1 : 0) }];
    }
    return this.#certificate(digests, rowsOf(tensorOf(second, 'signatures')), stringsOf(third, 'senders'));
  }

  #certificate(
    digests: readonly bigint[],
    signatures: readonly Uint8Array[],
    senders: readonly string[],
  ): readonly DataValue[] {
    const valid = digests.flatMap((value, at) =>
      isSigned(senders[at]!, value, signatures[at]!) ? [{ value, from: senders[at]!, at }] : [],
    );
    for (const { value } of valid) {
      const alike = valid.filter((one) => one.value === value).slice(0, QUORUM);
      if (alike.length < QUORUM) continue;
      const bytes = new Uint8Array(QUORUM * SIGNATURE);
      for (const [row, { at }] of alike.entries()) bytes.set(signatures[at]!, row * SIGNATURE);
      const dims = [QUORUM, SIGNATURE];
      return [int64(value), strings(alike.map(({ from }) => from)), { dtype: 'uint8', dims, bytes }];
    }
    throw new Error(`no ${QUORUM} of ${senders.length} votes are alike`);
  }
}

const rowsOf = ({ bytes }: Tensor): readonly Uint8Array[] =>
  Array.from({ length: bytes.length / SIGNATURE }, (_, at) =>
    bytes.slice(at * SIGNATURE, (at + 1) * SIGNATURE),
  );
