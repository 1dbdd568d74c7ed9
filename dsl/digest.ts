// Digests: short values that are equal where other values are, bit for bit.

import { CORE, tensorType } from '../ir/index.ts';
import { coreOp } from './core-op.ts';
import { type Recorder, recorder } from './recorder.ts';
import type { PlaceOf, Tensor, Value } from './types.ts';
import { factOf, toValue } from './value.ts';

/**
 * The first 8 bytes, little-endian, of the SHA-256 (FIPS 180-4) of a tensor: its dtype and shape, and its elements, which
 * are raw and little-endian. Equal on every platform where the bits are; so compare digests of what one pinned backend
 * computed. Whoever wants two tensors of one digest finds them in about 2³² tries: compare the tensors where that matters.
 */
export function digest<V extends Tensor>(value: V): Value<'int64', [], PlaceOf<V>> {
  const owner: Recorder = recorder('digest');
  return owner.call(digest, () => {
    const inputs = [factOf(value, 'digest')];
    const type = tensorType('int64', []);
    const result = { name: 'digest', type, cohort: owner.meet('digest', inputs) };
    return toValue(coreOp(owner, { type: CORE.digest, inputs }, [result])[0]!, owner);
  }) as Value<'int64', [], PlaceOf<V>>;
}
