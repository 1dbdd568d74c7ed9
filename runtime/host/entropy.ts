// Secrets: inputs that no caller gives. The host draws them, for each flow and in each seat anew.

import type { Port } from '../../ir/deployment.ts';
import { byteLengthOf, elementCount } from '../../ir/types.ts';
import type { FlowId } from '../flow-id.ts';
import type { Input } from '../io.ts';
import { describePort } from '../manifest.ts';
import type { Value } from '../value.ts';

/** Fills memory with random bytes. */
export type Entropy = (bytes: Uint8Array) => void;

/** How much the platform gives at a time. */
const CHUNK_BYTES = 65_536;

export const systemEntropy: Entropy = (bytes) => {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
    crypto.getRandomValues(bytes.subarray(at, at + CHUNK_BYTES) as Uint8Array<ArrayBuffer>);
};

export const isSecret = ({ entropy }: Port): boolean => entropy === true;

export interface SecretsAround {
  readonly peer: string;
  /** A secret may be as long as what a call brings. */
  readonly invokeBytes: number;
  draw(bytes: Uint8Array, name: string): void;
}

/** The secrets among what a flow wants; undefined: there are none. */
export function secretsFor(
  flow: FlowId,
  wanted: readonly Port[],
  around: SecretsAround,
): Extract<Input, { type: 'supply' }> | undefined {
  const secrets = wanted.filter(isSecret);
  if (secrets.length === 0) return undefined;
  const values = Object.fromEntries(secrets.map((port) => [port.name, secretOf(port, around)]));
  return { type: 'supply', flow, values, owned: true };
}

function secretOf(port: Port, { peer, invokeBytes, draw }: SecretsAround): Value {
  const { name, dtype, shape } = port;
  const count = elementCount(shape ?? undefined);
  const length = dtype === null || count === undefined ? undefined : byteLengthOf(dtype, count);
  // Of other types not all bits are a value.
  if (dtype === null || !/^u?int(8|16|32|64)$/.test(dtype) || length === undefined || length > invokeBytes)
    return { reason: 'failed', peer, detail: `no host draws a secret that is ${describePort(port)}` };
  const bytes = new Uint8Array(length);
  draw(bytes, name);
  return { dtype, dims: shape as readonly number[], bytes };
}
