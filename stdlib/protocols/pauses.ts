// Pauses that flows ask for: each is answered when it is over.

import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, Later, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { decode, encode, list, message, table, uint } from '../../runtime/proto/codec.ts';
import { bigintsOf, int64 } from '../tensors.ts';
import { pause } from './pause.ts';

const LONGEST_MS = 24 * 3600 * 1000;

export const pauses = (): NodeComponent => new Pauses();

class Pauses implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = pause;
  /** By the ask's id. */
  #resting = new Map<number, { readonly untilNs: number; readonly ms: number }>();

  call({ inputs }: NodeCall, cx: ComponentContext): readonly DataValue[] | Later {
    const given = Number(bigintsOf(inputs[0], 'ms')[0]);
    if (given < 0 || given > LONGEST_MS) throw new Error(`a pause of ${given} ms: 0 to ${LONGEST_MS}`);
    const later = cx.later();
    const untilNs = cx.now + given * 1e6;
    this.#resting.set(later.id, { untilNs, ms: given });
    cx.wakeAt(untilNs);
    return later;
  }

  wake(cx: ComponentContext): void {
    for (const [id, { untilNs, ms }] of this.#resting)
      if (untilNs <= cx.now) {
        this.#resting.delete(id);
        cx.answer(id, [int64(ms)]);
      } else cx.wakeAt(untilNs);
  }

  save(): Uint8Array {
    return encode(saved, { resting: [...this.#resting].map(([id, rest]) => ({ id, ...rest })) });
  }

  restore(bytes: Uint8Array): void {
    const { resting } = decode(saved, bytes);
    this.#resting = new Map(resting.map(({ id, ...rest }) => [id, rest]));
  }
}

const saved = table({
  resting: list(message(1, table({ id: uint(1), untilNs: uint(2), ms: uint(3) }))),
});
