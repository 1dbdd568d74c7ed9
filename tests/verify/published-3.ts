// Published figures, line 3: DiLoCo (Douillard et al. 2023) with H = 100 and int8 both ways, within 0.5 points of a synchronous step
// every time and at 1/350 of its bytes: the first transfer of the parameters, frames, headers and acknowledgements included.

import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { everyHundred, everyStep, type Run, together } from '../support/low-communication.ts';
import type { Line } from './verification.ts';

const run: Run = { hidden: 100, workers: 4, batch: 16, steps: 2000 };

const verify: Line = async (cx) => {
  const often = await measured('synchronous', everyStep);
  const seldom = await measured('DiLoCo', everyHundred);
  const lost = 100 * (often.accuracy - seldom.accuracy);
  cx.figure(
    `${run.workers} workers, ${run.steps} steps: accuracy`,
    `${percent(often.accuracy)} with every step, ${percent(seldom.accuracy)} with every hundredth`,
    lost <= 0.5,
  );
  const ratio = often.bytes / seldom.bytes;
  cx.figure('bytes', `${often.bytes} and ${seldom.bytes}: 1/${ratio.toFixed(1)}`, ratio >= 350);

  function measured(name: string, module: typeof everyStep): Promise<{ accuracy: number; bytes: number }> {
    return cx.step(name, async () => {
      const backend = onnxRuntimeBackend({ workers: 0 });
      try {
        const { accuracy, bytes } = await together(module(run), run, backend);
        return { accuracy, bytes: bytes.at(-1)! };
      } finally {
        await backend.close();
      }
    });
  }
};
export default verify;

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
