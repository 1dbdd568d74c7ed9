// Examples in simulated worlds in which everything goes wrong, seed after seed: they compute nothing, since what is looked at
// is whether what must hold does.

import { openContext } from '../../cli/context.ts';
import { runFlows } from '../../cli/run/flows.ts';
import { inputsFor, valuesFor } from '../../cli/run/inputs.ts';
import { presets } from '../../cli/sim/presets.ts';
import { onStage, watched } from '../../cli/sim/simulate.ts';
import { DiagnosticError } from '../../ir/index.ts';
import { Violation, World } from '../../runtime/host/sim/index.ts';

/** Without data of their own, or none that is read here. */
export const chaosExamples = [
  '02-text-recogniser',
  '03-wake-word',
  '04-voice-detector',
  '06-federated-digits',
  '07-split-learning',
  '08-private-split',
  '09-split-fed',
] as const;

export interface Chaos {
  readonly runs: number;
  readonly events: number;
  /** By status. */
  readonly flows: Readonly<Record<string, number>>;
  /** What checkers found, each with its seed. */
  readonly violations: readonly string[];
}

const silent = { write: () => true };

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
        const world = await World.create({ ...options, seed: BigInt(seed) }, workers);
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
          for (const { status } of ran.rounds) found.flows[status] = (found.flows[status] ?? 0) + 1;
        } catch (error) {
          if (error instanceof Violation)
            found.violations.push(`seed ${seed}: ${error.checker}: ${error.message}`);
          // A call that nobody was there for.
          else if (!(error instanceof DiagnosticError) || error.diagnostics[0]!.code !== 'BB704') throw error;
        }
        found.runs++;
        found.events += world.events;
      }
    },
  );
  return found;
}
