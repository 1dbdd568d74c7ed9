// Strategies in simulated worlds in which everything goes wrong, seed after seed. They compute, unlike examples there: how a run
// goes on depends on what came out.

import { deploymentInMemory } from '../../cli/run/memory.ts';
import { faultPlan } from '../../cli/sim/faults.ts';
import { presets } from '../../cli/sim/presets.ts';
import { watched } from '../../cli/sim/simulate.ts';
import { classesOf, DiagnosticError } from '../../ir/index.ts';
import { prepareWorkers, type SimulatedDeployment, Violation, World } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { dataOf } from './blobs.ts';
import { type Chaos, isPlain } from './chaos.ts';
import { compiled, recorded } from './deploy.ts';
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

const CLIENTS = 4;
const sizeOf = ({ strategy, codec }: Trial): Size => ({
  clients: CLIENTS,
  rounds: 4,
  within: strategy === 'hierarchical' ? '15s' : '30s',
  atLeast: 2,
  ...(codec !== undefined && { codec }),
});

/** Runs a strategy under each seed. */
export async function strategyChaos(trial: Trial, seeds: readonly number[]): Promise<Chaos> {
  const strategy: Strategy = strategies[trial.strategy];
  const classes = { ...strategy.besides, client: CLIENTS };
  const topology = topologyIn({
    classes: Object.fromEntries(
      Object.entries(classes).map(([cls, count]) => [
        cls,
        { compute: COMPUTE, ...(cls !== 'server' && { count }) },
      ]),
    ),
  });
  const loaded = deploymentInMemory(compiled(recorded(strategy.of(sizeOf(trial))), topology));
  const common = optionsFor(loaded, topology);
  const peers = common.peers.map((one) => ({
    ...one,
    components: { ...makersOf(one.bundle.manifest.slots), ...dataOf(one.id) },
  }));
  const names = [...new Set(peers.flatMap(({ id, bundle }) => [id, ...classesOf(bundle.manifest)]))];
  const plan = faultPlan(JSON.stringify(presets.chaos), 'chaos', names);
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
        await run(simulated, strategy, (outcome) => count(seed, outcome));
      } catch (error) {
        const what = error instanceof Violation ? `${error.checker}: ${error.message}` : `threw ${error}`;
        found.violations.push(`${trial.strategy}, seed ${seed}: ${what}`);
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

/** To its end; throws where there is none. */
async function run(
  simulated: SimulatedDeployment,
  { byItself }: Strategy,
  tell: (outcome: string) => void,
): Promise<void> {
  const { world } = simulated;
  if (byItself === undefined) {
    try {
      await simulated.invoke({}, { onFlow: ({ status }) => tell(status) });
      if (world.now >= END_NS) throw new Error(`its rounds go on after ${END_NS / SECOND_NS} s`);
    } catch (error) {
      // A call that nobody was there for, or whose peer forgot it.
      if (!(error instanceof DiagnosticError) || error.diagnostics[0]!.code !== 'BB704') throw error;
      tell('refused');
    }
  } else {
    simulated.arm({}, ({ status }) => tell(status));
    await simulated.serve(() => world.now >= ITSELF_NS);
  }
  // What was open then ends, too, wherever it was.
  const open = new Set([...world.peers.values()].flatMap(({ open }) => [...open.keys()]));
  const isOver = (): boolean =>
    ![...world.peers.values()].some((peer) => [...peer.open.keys()].some((flow) => open.has(flow)));
  await simulated.run(() => isOver());
  if (!isOver()) throw new Error(`flows are open after ${END_NS / SECOND_NS} s: ${[...open].join(', ')}`);
}
