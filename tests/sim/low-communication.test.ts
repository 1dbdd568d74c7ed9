// A reduction of published.3: DiLoCo in 8 bits beside a synchronous step every time.

import { afterAll, expect, test } from 'vitest';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { everyHundred, everyStep, type Run, together } from '../support/low-communication.ts';

const backend = onnxRuntimeBackend({ workers: 0 });
afterAll(() => backend.close());

test('a hundred steps between rounds, in 8 bits, learn as much as a synchronous step each for 1/350 of the bytes', async () => {
  const run: Run = { hidden: 64, workers: 2, batch: 16, steps: 200 };
  const often = await together(everyStep(run), run, backend);
  const seldom = await together(everyHundred(run), run, backend);
  expect([often.bytes.length, seldom.bytes.length]).toEqual([200, 2]);
  // Later rounds; in the first everybody also gets the parameters as they are.
  const [step, round] = [(often.bytes.at(-1)! - often.bytes[0]!) / 199, seldom.bytes[1]! - seldom.bytes[0]!];
  expect((100 * step) / round).toBeGreaterThan(350);
  expect(often.accuracy).toBeGreaterThan(0.85);
  expect(seldom.accuracy).toBeGreaterThan(often.accuracy - 0.02);
});
