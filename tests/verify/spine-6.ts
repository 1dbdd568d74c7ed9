// Done line 6: bad input gives a diagnostic with code, place and hint, exit status 1, and nothing written.

import { errorCases, faults, runCase } from '../errors/cases.ts';
import type { Line } from './verification.ts';

const verify: Line = async (cx) => {
  for (const one of errorCases) {
    const found = await cx.step(one.name, async () => faults(one, await runCase(one)));
    cx.figure(one.name, found.length === 0 ? `exit ${one.exit}` : found.join('; '), found.length === 0);
  }
};
export default verify;
