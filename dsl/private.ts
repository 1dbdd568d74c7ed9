// Private inputs, and where what is computed from them is private no longer.

import { type Recorder, recorder } from './recorder.ts';
import type { Tensor } from './types.ts';
import { defineMethod, factOf, type Handle } from './value.ts';

export interface PrivacyMethods {
  /**
   * Says why this value may leave its class although private inputs went into it: it is masked, encrypted, noised
   * or aggregated enough, or too coarse to tell. Nothing declassifies by itself, no aggregation either. Changes
   * no computation; `bbc lint` follows private inputs up to here.
   * Fails (BB308) for an input, which stays private itself, and without a reason.
   */
  declassify<V extends Tensor>(this: V, reason: string): V;
}

/** A reason that says nothing is none. */
export function checkReason(owner: Recorder, reason: unknown): void {
  if (typeof reason === 'string' && reason.trim() !== '') return;
  owner.fail('BB308', { op: 'declassify', reason: 'it takes the reason why the value may leave its class' });
}

defineMethod('declassify', function declassify(this: Handle, reason: string) {
  const owner: Recorder = recorder('declassify');
  return owner.call(declassify, () => {
    const { def } = owner.editor.value(factOf(this, 'declassify').id);
    if (def.kind !== 'op') {
      owner.fail('BB308', {
        op: 'declassify',
        reason: 'only the result of an op can be declassified: an input is private or not',
      });
    }
    checkReason(owner, reason);
    owner.editor.setOp(def.op, { declassified: reason });
    return this;
  });
});
