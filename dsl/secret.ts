// What nobody may know beforehand: random bits that the host of a peer draws.

import { type DType, tensorType } from '../ir/index.ts';
import type { Place } from './place.ts';
import { addInput } from './ports.ts';
import { recorder } from './recorder.ts';
import type { Value } from './types.ts';
import { toValue } from './value.ts';

export interface SecretOptions<P extends string> {
  /** Where it is drawn; each member of a cohort has one of its own. Default: the place of the `on` around, else the topology's first peer. */
  readonly at?: Place<P>;
}

const whole = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const;

/**
 * Random bits from the entropy of the host, all equally likely: a key, a mask, the randomness of noise. Anew in each flow and at
 * each member, never in the program; nobody gives it, and like a private input it does not leave its class, nor, as `bbc lint`
 * has it, does what is computed from it before a `declassify`. It is recorded with what else the node is given, so that a node
 * which comes back after a crash goes on with the same.
 *
 *     const mask = secret(uint32, [1000], { at: phones.each });
 *
 * Whole numbers of a type that wraps around hide what they are added to. A key of `secret(uint32, [2])` draws many numbers from
 * 64 secret bits by Philox, which is made for statistics: what must withstand an adversary takes its bits from here.
 * Fails (BB308) for a dtype that is not a whole number's, and for a shape that is not known.
 */
export function secret<
  const D extends (typeof whole)[number],
  const S extends readonly number[],
  const P extends string = 'any',
>(dtype: D, shape: S, options: SecretOptions<P> = {}): Value<D, [...S], P> {
  const owner = recorder('secret');
  return owner.call(secret, () => {
    if (!(whole as readonly DType[]).includes(dtype))
      owner.fail('BB308', { op: 'secret', reason: `it draws whole numbers, and ${dtype} has others` });
    if (!Array.isArray(shape) || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
      owner.fail('BB308', {
        op: 'secret',
        reason: `[${String(shape)}] is no shape whose sizes are all known`,
      });
    const name = owner.qualified(owner.site?.name ?? 'secret');
    const marks = { private: true, entropy: true };
    return toValue(addInput(owner, name, tensorType(dtype, [...shape]), options.at, marks), owner);
  }) as never;
}
