// Strategies in simulated worlds in which everything goes wrong, seed after seed. They compute, unlike examples there: how a run
// goes on depends on what came out.

import { deploymentInMemory } from '../../cli/run/memory.ts';
import { faultPlan } from '../../cli/sim/faults.ts';
import { presets } from '../../cli/sim/presets.ts';
import { watched } from '../../cli/sim/simulate.ts';
import { classesOf, DiagnosticError, type Topology } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { prepareWorkers, type SimulatedDeployment, Violation, World } from '../../runtime/host/sim/index.ts';
import { adaptive, type Components } from '../../runtime/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { dataOf } from './blobs.ts';
import { type Chaos, isPlain } from './chaos.ts';
import { compiled, plain, recorded } from './deploy.ts';
import { deployed, expected, requestOf } from './pipelines.ts';
import { optionsFor, topologyIn } from './simulated.ts';
import { type Size, type Strategy, type StrategyName, strategies, strategyNames } from './strategies.ts';

const SECOND_NS = 1e9;
/** So slow that faults happen while they compute. */
const COMPUTE = '4kFLOPS';
/** For how long flows start that nobody calls. */
const ITSELF_NS = 60 * SECOND_NS;
/** After that, a run of so few rounds has no end; and nothing of what was open before may be. */
const END_NS = 3600 * SECOND_NS;

export interface Trial {
  readonly strategy: StrategyName;
  readonly codec?: Size['codec'];
}

/** Each alone, and those whose answers differ in how they cross with codecs too. */
export const trials: readonly Trial[] = [
  ...strategyNames.map((strategy) => ({ strategy })),
  { strategy: 'fedAvg', codec: 'int8' },
  { strategy: 'diLoCo', codec: 'int8' },
  { strategy: 'scaffold', codec: 'top-k' },
  { strategy: 'splitFed at once', codec: 'int8' },
  { strategy: 'dPsgd', codec: 'int8' },
  { strategy: 'pushSum', codec: 'float16' },
];

/** A request takes about 50 ms, and all of them some five seconds. */
const PIPELINE_COMPUTE = '2kFLOPS';
const [REQUESTS, AT_ONCE] = [100, 4];
const CLIENTS = 4;
const sizeOf = ({ strategy, codec }: Trial): Size => ({
  clients: CLIENTS,
  rounds: 4,
  within: strategy === 'hierarchical' ? '15s' : '30s',
  atLeast: 2,
  ...(codec !== undefined && { codec }),
});

/** What is run under seed after seed. */
interface Scene {
  readonly name: string;
  readonly topology: Topology;
  readonly loaded: LoadedDeployment;
  readonly dataOf: (peer: string) => Components;
  /** Throws where something has no end, or not the one that it must have. */
  readonly run: (simulated: SimulatedDeployment, tell: (outcome: string) => void) => Promise<void>;
}

const slow = (classes: Readonly<Record<string, number>>, compute: string): Topology =>
  topologyIn({
    classes: Object.fromEntries(
      Object.entries(classes).map(([cls, count]) => [cls, { compute, ...(count > 1 && { count }) }]),
    ),
  });

/** Runs a strategy under each seed. */
export function strategyChaos(trial: Trial, seeds: readonly number[]): Promise<Chaos> {
  const strategy: Strategy = strategies[trial.strategy];
  const topology = slow({ ...strategy.besides, client: CLIENTS }, COMPUTE);
  const loaded = deploymentInMemory(compiled(recorded(strategy.of(sizeOf(trial))), topology));
  const name = trial.strategy;
  return chaos(
    { name, topology, loaded, dataOf, run: (simulated, tell) => run(simulated, strategy, tell) },
    seeds,
  );
}

/**
 * Runs a pipeline of replicas under each seed. Where nobody lies, requests are answered rightly, or it is said that they are
 * not: what a replica makes up, only another one that computes the same could tell.
 */
export function pipelineChaos(seeds: readonly number[], who: 'all' | 'honest'): Promise<Chaos> {
  const topology = slow({ client: 1, front: 2, back: 2 }, PIPELINE_COMPUTE);
  const run: Scene['run'] = (simulated, tell) => requests(simulated, tell, who === 'honest');
  const scene = { name: 'pipeline', topology, loaded: deployed(topology), dataOf: () => ({}), run };
  return chaos(scene, seeds, who === 'honest' ? honest : presets.chaos);
}

const honest = { ...presets.chaos, faults: presets.chaos.faults.filter(({ kind }) => kind !== 'lie') };

async function chaos(
  { name, topology, loaded, dataOf, run }: Scene,
  seeds: readonly number[],
  faults: object = presets.chaos,
): Promise<Chaos> {
  const common = optionsFor(loaded, topology);
  const peers = common.peers.map((one) => ({
    ...one,
    components: { ...makersOf(one.bundle.manifest.slots), ...dataOf(one.id) },
  }));
  const names = [...new Set(peers.flatMap(({ id, bundle }) => [id, ...classesOf(bundle.manifest)]))];
  const plan = faultPlan(JSON.stringify(faults), 'chaos', names);
  const options = { ...common, peers, durable: true };
  const workers = await prepareWorkers(options);
  const found = { runs: 0, events: 0, flows: {} as Record<string, number>, violations: [] as string[] };
  const count = (seed: number, outcome: string): void => {
    const name = isPlain(seed) ? `plain ${outcome}` : outcome;
    found.flows[name] = (found.flows[name] ?? 0) + 1;
  };
  try {
    for (const seed of seeds) {
      const network = isPlain(seed) ? {} : { network: adaptive({ seed: BigInt(seed) }) };
      const world = await World.create({ ...options, ...network, seed: BigInt(seed) }, workers);
      try {
        const simulated = watched(world, plan, END_NS);
        await run(simulated, (outcome) => count(seed, outcome));
        await settle(simulated);
      } catch (error) {
        const what = error instanceof Violation ? `${error.checker}: ${error.message}` : `threw ${error}`;
        found.violations.push(`${name}, seed ${seed}: ${what}`);
      } finally {
        found.runs++;
        found.events += world.events;
      }
    }
  } finally {
    await Promise.all([...new Set(workers)].map((one) => one.release()));
  }
  return found;
}

/** A call; undefined where nobody was there for it, or its peer forgot it. */
async function called(
  simulated: SimulatedDeployment,
  ...args: Parameters<SimulatedDeployment['invoke']>
): Promise<FlowResult | undefined> {
  try {
    return await simulated.invoke(...args);
  } catch (error) {
    if (!(error instanceof DiagnosticError) || error.diagnostics[0]!.code !== 'BB704') throw error;
    return undefined;
  }
}

/** A stream of requests, of which some are open at once. */
async function requests(
  simulated: SimulatedDeployment,
  tell: (outcome: string) => void,
  rightly: boolean,
): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < REQUESTS) {
      const at = next++;
      const result = await called(simulated, { x: requestOf(at) });
      tell(result?.status ?? 'refused');
      const y = result === undefined ? '' : plain(result.outputs.y);
      const wrong =
        typeof y !== 'string' && expected(at).some((one, axis) => Math.abs(one - Number(y[axis])) > 1e-6);
      if (rightly && wrong) throw new Error(`request ${at} has a wrong answer`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}

/** To its end; throws where there is none. */
async function run(
  simulated: SimulatedDeployment,
  { byItself }: Strategy,
  tell: (outcome: string) => void,
): Promise<void> {
  const { world } = simulated;
  if (byItself === undefined) {
    const last = await called(simulated, {}, { onFlow: ({ status }) => tell(status) });
    if (last === undefined) tell('refused');
    if (world.now >= END_NS) throw new Error(`its rounds go on after ${END_NS / SECOND_NS} s`);
  } else {
    simulated.arm({}, ({ status }) => tell(status));
    await simulated.serve(() => world.now >= ITSELF_NS);
  }
}

/** What is open then ends, too, wherever it is. */
async function settle(simulated: SimulatedDeployment): Promise<void> {
  const { world } = simulated;
  const open = new Set([...world.peers.values()].flatMap(({ open }) => [...open.keys()]));
  const isOver = (): boolean =>
    ![...world.peers.values()].some((peer) => [...peer.open.keys()].some((flow) => open.has(flow)));
  await simulated.run(() => isOver());
  if (!isOver()) throw new Error(`flows are open after ${END_NS / SECOND_NS} s: ${[...open].join(', ')}`);
}
