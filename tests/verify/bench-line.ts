// A Done line about benchmarks: figures that have a limit must keep to it.

import { benches } from '../../bench/benches.ts';
import type { Line } from './verification.ts';

/** These benchmarks of `npm run bench`. */
export const benchLine =
  (...names: readonly (keyof typeof benches)[]): Line =>
  async (cx) => {
    for (const name of names) {
      const figures = await cx.step(name, async () => (await benches[name]!()).map((one) => ({ ...one })));
      for (const { name: what, value, unit, limit } of figures) {
        const text = `${value.toPrecision(3)} ${unit}`;
        if (limit === undefined) cx.note(`${what}: ${text}`);
        else cx.figure(what, `${text}, at most ${limit}`, value <= limit);
      }
    }
  };
