// Split learning equals learning on one peer: a reduction of verify line train.2.

import { expect, test } from 'vitest';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { trainDigits } from '../support/digits-cnn.ts';
import { requireAsPlanned } from '../support/traffic.ts';

test('the network for digits, cut over two and three peers, learns in the bits of one', async () => {
  const backend = onnxRuntimeBackend({ optimization: 'disabled' });
  try {
    const whole = await trainDigits([], 3, backend);
    expect(new Set(whole.losses).size).toBe(3);
    for (const cuts of [[3], [2, 8]]) {
      const { losses, state, plan, flows } = await trainDigits(cuts, 3, backend);
      expect(losses).toEqual(whole.losses);
      for (const [key, value] of whole.state) if (key !== 'step') expect(state.get(key), key).toEqual(value);
      // And every step sends what the plan said.
      const sent = flows.map((one) => requireAsPlanned(plan, one));
      expect(sent[0]!.messages).toBe(2 * cuts.length);
      expect(sent.every(({ payloadBytes }) => payloadBytes === plan.estimate.bytes)).toBe(true);
    }
  } finally {
    await backend.close();
  }
}, 60_000);
