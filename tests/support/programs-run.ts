// The programs of the semantics in simulated worlds: as they are, and where everything goes wrong.

import path from 'node:path';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { faultPlan } from '../../cli/sim/faults.ts';
import { presets } from '../../cli/sim/presets.ts';
import { watched } from '../../cli/sim/simulate.ts';
import type { Module } from '../../dsl/index.ts';
import { DiagnosticError, type Tensor } from '../../ir/index.ts';
import type { FlowResult, InvokeOptions } from '../../runtime/host/index.ts';
import { prepareWorkers, Violation, World, type WorldOptions } from '../../runtime/host/sim/index.ts';
import { adaptive, type Components } from '../../runtime/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, plain, recorded } from './deploy.ts';
import { optionsFor, type SimulatedWorld, simulatedWorld, topologyIn } from './simulated.ts';

type ComponentsOf = (peer: string) => Components;

/** One of tests/support/programs, ready to be called. */
export async function worldOf(
  name: string,
  components?: ComponentsOf,
  options: Partial<WorldOptions> = {},
): Promise<SimulatedWorld> {
  const file = path.join(import.meta.dirname, `programs/${name}.ts`);
  const { default: program, topology } = (await import(file)) as {
    readonly default: Module;
    readonly topology: object;
  };
  return simulatedWorld(program, topologyIn(topology), options, components);
}

/** Lets triggers start flows until so many are over. */
export async function served({ deployment }: SimulatedWorld, flows: number): Promise<readonly FlowResult[]> {
  const results: FlowResult[] = [];
  deployment.arm({}, (result) => {
    results.push(result);
  });
  await deployment.serve(() => results.length >= flows);
  return results;
}

/** A state of every peer that has it, in the order of the peers. */
export const statesOf = async (
  { deployment }: Pick<SimulatedWorld, 'deployment'>,
  key: string,
): Promise<(readonly number[])[]> =>
  Object.values(await deployment.state()).flatMap((state) =>
    state[key] === undefined ? [] : [plain(state[key]) as readonly number[]],
  );

export const tensor = (dims: readonly number[], values: Iterable<number>): Tensor => ({
  dtype: 'float32',
  dims,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

export interface Chaos {
  readonly seeds: readonly number[];
  readonly components?: ComponentsOf;
  /** Called one after another, as often as is said; with none, triggers start flows, so many. */
  readonly calls?: readonly InvokeOptions[];
  readonly flows?: number;
  /** What must hold whenever a flow is over. */
  readonly check?: (result: FlowResult) => void;
  /** And at the end, of a state by its name. */
  readonly after?: (states: (key: string) => ReturnType<typeof statesOf>) => Promise<void>;
  /** When a run is given up; sessions of which everybody forgot have no end. Default: 10 minutes. */
  readonly untilNs?: number;
}

/** Under the chaos faults, by seed: how flows ended, and what checkers found. */
export async function underChaos(
  program: Module,
  topology: object,
  { seeds, components = () => ({}), calls = [], flows = 0, check, after, untilNs = 600e9 }: Chaos,
): Promise<{ readonly violations: readonly string[]; readonly ended: Readonly<Record<string, number>> }> {
  const where = topologyIn(topology);
  const base = optionsFor(deploymentInMemory(compiled(recorded(program), where)), where);
  const peers = base.peers.map((one) => ({
    ...one,
    components: { ...makersOf(one.bundle.manifest.slots), ...components(one.id) },
  }));
  const plan = faultPlan(
    JSON.stringify(presets.chaos),
    'chaos',
    peers.map(({ id }) => id),
  );
  const options = { ...base, peers, durable: true };
  const workers = await prepareWorkers(options);
  const violations: string[] = [];
  const ended: Record<string, number> = {};
  for (const seed of seeds) {
    const network = adaptive({ seed: BigInt(seed) });
    const world = await World.create({ ...options, network, seed: BigInt(seed) }, workers);
    const deployment = watched(world, plan, untilNs);
    let over = 0;
    const onFlow = (result: FlowResult): void => {
      over++;
      ended[result.status] = (ended[result.status] ?? 0) + 1;
      check?.(result);
    };
    try {
      for (const call of calls) await deployment.invoke({}, { ...call, onFlow });
      if (flows > 0) {
        deployment.arm({}, onFlow);
        await deployment.serve(() => over >= flows);
      }
    } catch (error) {
      // A call that nobody was there for, or that was open when all was over.
      const code = error instanceof DiagnosticError ? error.diagnostics[0]!.code : undefined;
      if (code === 'BB704' || code === 'BB790') continue;
      const what = error instanceof Violation ? `${error.checker}: ${error.message}` : `threw ${error}`;
      violations.push(`seed ${seed}: ${what}`);
    } finally {
      await after?.((key) => statesOf({ deployment }, key));
    }
  }
  return { violations, ended };
}
