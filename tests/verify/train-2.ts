// Done line 2 of training: split equals unsplit. The digits network cut after each of its layers over two peers, and at two
// layers in a row over three, for 200 steps: without graph optimisations the losses and what every peer has learnt are those
// of one peer, bit for bit; with them, nearly.

import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { LAST_CUT, type Trained, trainDigits } from '../support/digits-cnn.ts';
import type { Line } from './verification.ts';

const STEPS = 200;
const TOLERANCE = 1e-5;
const cutsOfTwo = Array.from({ length: LAST_CUT }, (_, at) => [at + 1]);
const cutsOfThree = Array.from({ length: LAST_CUT - 1 }, (_, at) => [at + 1, at + 2]);

/** The largest difference of losses and of what was learnt. */
function difference(a: Trained, b: Trained): { losses: number; state: number } {
  const most = (x: readonly number[], y: readonly number[]): number =>
    x.length === y.length
      ? x.reduce((max, one, at) => Math.max(max, Math.abs(one - y[at]!)), 0)
      : Number.POSITIVE_INFINITY;
  const keys = [...a.state.keys()].filter((key) => !key.startsWith('step'));
  const state = keys.map((key) => most(a.state.get(key)!, b.state.get(key) ?? []));
  return { losses: most(a.losses, b.losses), state: Math.max(...state) };
}

const verify: Line = async (cx) => {
  for (const optimization of ['disabled', 'all'] as const) {
    const backend = onnxRuntimeBackend({ optimization });
    try {
      let whole: Trained | undefined;
      for (const [what, all] of [
        ['two peers', cutsOfTwo],
        ['three peers', cutsOfThree],
      ] as const) {
        const found = { losses: 0, state: 0 };
        for (const cuts of all) {
          const apart = await cx.step(`${optimization} ${cuts.join('-')}`, async () => {
            whole ??= await trainDigits([], STEPS, backend);
            return difference(whole, await trainDigits(cuts, STEPS, backend));
          });
          found.losses = Math.max(found.losses, apart.losses);
          found.state = Math.max(found.state, apart.state);
        }
        const limit = optimization === 'disabled' ? 0 : TOLERANCE;
        cx.figure(
          `'${optimization}', ${what}, ${all.length} cuts, ${STEPS} steps: losses, parameters and momenta differ by at most`,
          `${found.losses}, ${found.state} (limit ${limit})`,
          found.losses <= limit && found.state <= limit,
        );
      }
    } finally {
      await backend.close();
    }
  }
};
export default verify;
