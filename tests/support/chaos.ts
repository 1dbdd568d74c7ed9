// Examples in simulated worlds in which everything goes wrong, seed after seed: they compute nothing, since what is looked at
// is whether what must hold does.

import { openContext } from '../../cli/context.ts';
import { runFlows } from '../../cli/run/flows.ts';
import { inputsFor, valuesFor } from '../../cli/run/inputs.ts';
import { presets } from '../../cli/sim/presets.ts';
import { onStage, watched } from '../../cli/sim/simulate.ts';
import { DiagnosticError } from '../../ir/index.ts';
import { Violation, World } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';

export const chaosExamples = [
  '01-hello',
  '02-text-recogniser',
  '03-wake-word',
  '04-voice-detector',
  '05-digits',
  '06-federated-digits',
  '07-split-learning',
  '08-private-split',
  '09-split-fed',
  '10-fine-tune',
] as const;

export interface Chaos {
  readonly runs: number;
  readonly events: number;
  /** By status, with `plain` before it where nodes had no adaptive network. */
  readonly flows: Readonly<Record<string, number>>;
  /** What checkers found, each with its seed. */
  readonly violations: readonly string[];
}

const silent = { write: () => true };

/** Whether nodes have no adaptive network under a seed: one in four. */
export const isPlain = (seed: number): boolean => seed % 4 === 0;

/** Share of the flows that ended complete. */
export function completeShare(flows: Chaos['flows'], network: 'plain' | 'adaptive'): number {
  const own = Object.entries(flows).filter(
    ([status]) => status.startsWith('plain ') === (network === 'plain'),
  );
  const all = own.reduce((sum, [, count]) => sum + count, 0);
  return all === 0 ? 0 : (flows[network === 'plain' ? 'plain complete' : 'complete'] ?? 0) / all;
}

/** Runs an example for so many flows under each seed. */
export async function chaos(name: string, seeds: readonly number[], flows: number): Promise<Chaos> {
  const source = `examples/${name}/model.ts`;
  const faults = { file: 'chaos', text: JSON.stringify(presets.chaos) };
  const peers = `examples/${name}/topology.json`;
  const settings = { source, peers, flows, seed: 1, compute: 'modelled', faults } as const;
  const cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);
  const found = { runs: 0, events: 0, flows: {} as Record<string, number>, violations: [] as string[] };
  await onStage(
    cx,
    settings,
    false,
    ({ plan }) => inputsFor(plan, { random: '1' }),
    async ({ deployment, inputs, options, workers, plan }) => {
      const values = valuesFor(deployment.plan, inputs);
      for (const seed of seeds) {
        const network = isPlain(seed) ? undefined : adaptive({ seed: BigInt(seed) });
        const world = await World.create({ ...options, network, seed: BigInt(seed) }, workers);
        const simulated = watched(world, plan);
        try {
          const ran = await runFlows(
            deployment,
            async () => simulated,
            values,
            flows,
            () => {},
            {
              stopped: () => false,
              mayMiss: true,
            },
          );
          for (const { status } of ran.rounds) {
            const name = isPlain(seed) ? `plain ${status}` : status;
            found.flows[name] = (found.flows[name] ?? 0) + 1;
          }
        } catch (error) {
          // A call that nobody was there for.
          if (error instanceof DiagnosticError && error.diagnostics[0]!.code === 'BB704') continue;
          const what = error instanceof Violation ? `${error.checker}: ${error.message}` : `threw ${error}`;
          found.violations.push(`seed ${seed}: ${what}`);
        } finally {
          found.runs++;
          found.events += world.events;
        }
      }
    },
  );
  return found;
}
