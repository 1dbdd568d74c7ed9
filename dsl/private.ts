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
  /**
   * Says why the gradient of this value may leave the class where it is computed, although private inputs went into the
   * loss: what goes back to where the value came from, and only that. Changes no computation.
   * Fails (BB308) for an input, and without a reason.
   *
   *     const upper = on(server, () => middle(features)).declassifyGradient('64 labels as one mean');
   *     const loss = on(phone, () => crossEntropy(head(upper), label));
   */
  declassifyGradient<V extends Tensor>(this: V, reason: string): V;
}

/** A reason that says nothing is none. */
export function checkReason(owner: Recorder, reason: unknown, op = 'declassify'): void {
  if (typeof reason === 'string' && reason.trim() !== '') return;
  owner.fail('BB308', { op, reason: 'it takes the reason why the value may leave its class' });
}

function defineMark(method: keyof PrivacyMethods, mark: 'declassified' | 'declassifiedGradient'): void {
  defineMethod(method, function declassify(this: Handle, reason: string) {
    const owner: Recorder = recorder(method);
    return owner.call(declassify, () => {
      const { def } = owner.editor.value(factOf(this, method).id);
      if (def.kind !== 'op') {
        owner.fail('BB308', {
          op: method,
          reason: 'only the result of an op can be declassified: an input is private or not',
        });
      }
      checkReason(owner, reason, method);
      owner.editor.setOp(def.op, { [mark]: reason });
      return this;
    });
  });
}

defineMark('declassify', 'declassified');
defineMark('declassifyGradient', 'declassifiedGradient');
