// Done line 5: ten million bytes of garbage, floods from one peer, envelopes of the largest size again and again, a peer
// that never acknowledges: memory stays within the budget, others' flows finish, each is an event.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { edgeLimits } from '../../runtime/index.ts';
import { type Attack, attacks, type Outcome } from '../support/attacks.ts';
import { projectRoot } from '../support/root.ts';
import type { Json, Line } from './verification.ts';

const run = promisify(execFile);
/** Memory of buffers counts until it is swept, which otherwise happens beside what is measured. */
const flags = ['--expose-gc', '--no-concurrent-array-buffer-sweeping'];
const CALLS = 100;
/** The device that the preset is for. */
const DEVICE_BYTES = 8 * 2 ** 20;
const amounts: Readonly<Record<Attack, number>> = {
  garbage: 1e7,
  flood: 1e7,
  largest: 1e9,
  repeated: 1e9,
  deaf: 1e7,
};

async function attacked(attack: Attack, network: boolean): Promise<Outcome> {
  const child = [path.join(projectRoot, 'scripts/run-ts.mjs'), 'tests/support/attack-child.ts'];
  const args = [...flags, ...child, attack, String(network), String(amounts[attack]), String(CALLS)];
  const { stdout } = await run(process.execPath, args, { cwd: projectRoot });
  return JSON.parse(stdout) as Outcome;
}

const verify: Line = async (cx) => {
  for (const network of [false, true])
    for (const attack of attacks) {
      const key = `${attack}, ${network ? 'adaptive' : 'plain'}`;
      const outcome = (await cx.step(
        key,
        async () => (await attacked(attack, network)) as unknown as Json,
      )) as unknown as Outcome;
      const { frames, bytes, told, asked, named, calls, answered, heldBytes, grownBytes } = outcome;
      const within = heldBytes <= edgeLimits.bytes + edgeLimits.frameBytes && grownBytes <= DEVICE_BYTES;
      // Without acknowledgements nobody knows who gives none; but what waits for such a peer ends and names it.
      const deaf = asked > 0 && named === asked && (told > 0 || !network);
      const all = attack === 'garbage' ? told === frames : attack === 'deaf' ? deaf : told > 0;
      const ends = attack === 'deaf' ? `, ${named} of ${asked} flows that asked it ended by its name` : '';
      cx.figure(
        key,
        `${frames} frames, ${bytes} bytes, told of ${told}${ends}; held ${heldBytes}, process grew by ${grownBytes} of ${DEVICE_BYTES}; ${answered} of ${calls} calls answered`,
        within && all && answered === calls,
      );
    }
};
export default verify;
