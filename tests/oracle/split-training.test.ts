// Split learning equals learning on one peer: a reduction of verify line train.2.

import { expect, test } from 'vitest';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { trainDigits } from '../support/digits-cnn.ts';

test('the network for digits, cut over two and three peers, learns in the bits of one', async () => {
  const backend = onnxRuntimeBackend({ optimization: 'disabled' });
  try {
    const whole = await trainDigits([], 3, backend);
    expect(new Set(whole.losses).size).toBe(3);
    for (const cuts of [[3], [2, 8]]) {
      const { losses, state } = await trainDigits(cuts, 3, backend);
      expect(losses).toEqual(whole.losses);
      for (const [key, value] of whole.state) if (key !== 'step') expect(state.get(key), key).toEqual(value);
    }
  } finally {
    await backend.close();
  }
}, 60_000);
