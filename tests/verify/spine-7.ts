// Done line 7: the figures of `npm run bench`; those that have a limit must keep to it.

import { benches } from '../../bench/benches.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  for (const [name, bench] of Object.entries(benches)) {
    const figures = await cx.step(name, async () => (await bench()).map((one) => ({ ...one })));
    for (const { name: what, value, unit, limit } of figures) {
      const text = `${value.toPrecision(3)} ${unit}`;
      if (limit === undefined) cx.note(`${what}: ${text}`);
      else cx.figure(what, `${text}, at most ${limit}`, value <= limit);
    }
  }
};
export default verify;
