// What bbc sim does: prepares the deployment, lets it run in a world of its own, and tells what came of it.

import { classesOf, type DataValue, DiagnosticError, diagnostic, type Topology } from '../../ir/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import {
  Checkers,
  Durability,
  type FaultPlan,
  needsDurability,
  prepareWorkers,
  SimulatedDeployment,
  scheduleFaults,
  Violation,
  type Worker,
  World,
  type WorldOptions,
} from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { readTopology } from '../load/topology.ts';
import { durationOf } from '../node/options.ts';
import { Backends } from '../run/backends.ts';
import { openPeerData, type PeerData } from '../run/components.ts';
import { prepare } from '../run/deployment.ts';
import { hasSessions, type Ran, runFlows } from '../run/flows.ts';
import { type InputOptions, inputsFor, valuesFor } from '../run/inputs.ts';
import { peersOf } from '../run/memory.ts';
import { countOf } from '../run/options.ts';
import { roundText } from '../run/rounds.ts';
import { checkFormat, writeTensors } from '../tensors/files.ts';
import { showWaits, WAITING_SIGNALS } from '../waiting.ts';
import { computeFor } from './compute.ts';
import { faultPlan, faultText } from './faults.ts';
import { RecordFile } from './record-file.ts';
import { documentOf, printReport } from './report.ts';

export interface SimOptions extends InputOptions {
  readonly peers?: string;
  readonly topology?: string;
  readonly outputs?: string;
  readonly flows?: string;
  readonly for?: string;
  readonly seed: string;
  readonly compute: string;
  readonly network: string;
  readonly backend?: string;
  readonly check: boolean;
  readonly faults?: string;
  readonly explore?: boolean;
  readonly calls: string;
  readonly crashes: string;
  readonly runs: string;
  readonly record?: string;
  readonly compact?: boolean;
}

/** All that a simulation is made of but its inputs: plain data, which records keep. */
export interface Settings {
  readonly source: string;
  readonly peers?: string | undefined;
  readonly topology?: string | undefined;
  readonly flows: number | undefined;
  /** Of virtual time. */
  readonly forNs?: number;
  readonly seed: number;
  readonly compute: 'executed' | 'modelled';
  /** Absent in older records: plain. */
  readonly network?: 'adaptive' | 'plain';
  readonly backend?: string | undefined;
  readonly faults?: { readonly file: string; readonly text: string } | undefined;
}

/** Throws UsageError, and DiagnosticError where a fault file cannot be read. */
export function settingsOf(source: string, options: SimOptions): Settings {
  const { peers, topology, compute, network, backend, flows } = options;
  if (compute !== 'executed' && compute !== 'modelled')
    throw new UsageError(`--compute is executed or modelled, not '${compute}'`);
  if (network !== 'adaptive' && network !== 'plain')
    throw new UsageError(`--network is adaptive or plain, not '${network}'`);
  return {
    source,
    peers,
    topology,
    seed: countOf('--seed', options.seed, 0),
    flows: flows === undefined ? undefined : countOf('--flows', flows, 1),
    ...(options.for !== undefined && { forNs: durationOf('--for', options.for) }),
    compute,
    network,
    backend,
    faults:
      options.faults === undefined ? undefined : { file: options.faults, text: faultText(options.faults) },
  };
}

/** A world that is ready to run. */
export interface Stage {
  readonly settings: Settings;
  readonly deployment: LoadedDeployment;
  readonly topology: Topology | undefined;
  readonly inputs: ReadonlyMap<string, DataValue>;
  /** What the world is made of, to make another one. */
  readonly options: WorldOptions;
  readonly plan: FaultPlan | undefined;
  readonly workers: readonly Worker[];
  readonly world: World;
  readonly simulated: SimulatedDeployment;
  readonly sessions: boolean;
}

/** A deployment over a world in which faults happen and checkers look. */
export function watched(world: World, plan: FaultPlan | undefined, untilNs?: number): SimulatedDeployment {
  const simulated = new SimulatedDeployment(world, { untilNs });
  world.observers.push(new Checkers(world), new Durability(world));
  if (plan !== undefined) scheduleFaults(world, plan, { lost: (peer) => simulated.lose(peer.id) });
  return simulated;
}

/** Simulations take turns by nature: one thread. */
const ORT = { optimization: 'all', workers: 0 } as const;
/** How often a long run tells where it is. */
const PROGRESS_EVENTS = 5000;

/** Prepares a world, gives it to `work`, and clears up. */
export async function onStage<Result>(
  cx: CommandContext,
  settings: Settings,
  check: boolean,
  inputsOf: (deployment: LoadedDeployment) => ReadonlyMap<string, DataValue>,
  work: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const { source, peers, topology: beside, compute } = settings;
  const backends = new Backends(settings.backend, ORT);
  const where = { ...(peers !== undefined && { peers }), ...(beside !== undefined && { topology: beside }) };
  const prepared = await prepare(cx, source, { ...where, check });
  let data: PeerData | undefined;
  let workers: readonly Worker[] = [];
  try {
    const { deployment } = prepared;
    const inputs = inputsOf(deployment);
    const file = peers ?? beside;
    const topology = file === undefined ? undefined : readTopology(cx, file);
    const all = peersOf(deployment);
    data = compute === 'executed' ? await openPeerData(cx, all, file) : undefined;
    const { faults } = settings;
    const names = [...new Set(all.flatMap(({ id, bundle }) => [id, ...classesOf(bundle.manifest)]))];
    const plan = faults && faultPlan(faults.text, faults.file, names);
    cx.progress('loading segments');
    const options: WorldOptions = {
      peers: all.map((peer) => ({
        ...peer,
        backend: backends.of(peer.bundle.manifest),
        components: data?.of(peer.id) ?? {},
      })),
      links: topology?.links,
      seed: BigInt(settings.seed),
      compute,
      computeNs: computeFor(topology),
      ...(settings.network === 'adaptive' && { network: adaptive({ seed: BigInt(settings.seed) }) }),
      durable: plan !== undefined && needsDurability(plan),
    };
    workers = await prepareWorkers(options);
    const world = await World.create(options, workers);
    const simulated = watched(world, plan, settings.forNs);
    return await work({
      settings,
      deployment,
      topology,
      inputs,
      options,
      plan,
      workers,
      world,
      simulated,
      sessions: hasSessions(deployment),
    });
  } finally {
    await Promise.all([...new Set(workers)].map((one) => one.release()));
    await data?.close();
    await backends.close();
    prepared.dispose();
  }
}

/** Lets all that was asked for happen. */
export async function perform(cx: CommandContext, stage: Stage): Promise<Ran> {
  const { deployment, inputs, settings, simulated, sessions, world } = stage;
  let latest = '';
  const tell = (): void =>
    cx.progress(`${latest}${world.events} events, ${(world.now / 1e9).toFixed(1)} s of virtual time`);
  world.observers.push({
    settled() {
      if (world.events % PROGRESS_EVENTS === 0) tell();
    },
  });
  const show = async (): Promise<void> => showWaits(cx, await simulated.waiting());
  for (const signal of WAITING_SIGNALS) process.on(signal, show);
  const over = (): boolean => world.now >= (settings.forNs ?? Number.POSITIVE_INFINITY);
  const asked = runFlows(
    deployment,
    async () => simulated,
    valuesFor(deployment.plan, inputs),
    settings.flows,
    (round) => {
      latest = sessions ? `${roundText(round)}; ` : `flow ${round.step + 1} of ${settings.flows ?? 1}; `;
      tell();
    },
    { stopped: over, mayMiss: settings.faults !== undefined },
  );
  try {
    return await asked;
  } finally {
    for (const signal of WAITING_SIGNALS) process.off(signal, show);
  }
}

/** As {@link perform}; a violation is told with the command that repeats it. */
async function performChecked(
  cx: CommandContext,
  stage: Stage,
  source: string,
  options: SimOptions,
): Promise<Ran> {
  try {
    return await perform(cx, stage);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const { checker, message, event, atNs } = error;
    const command = commandFor(source, options);
    throw new DiagnosticError(
      diagnostic('BB795', { checker, what: message, event, seconds: atNs / 1e9, command }),
    );
  }
}

/** The command line of a simulation. */
function commandFor(source: string, options: SimOptions): string {
  const {
    peers,
    topology,
    seed,
    flows,
    compute,
    network,
    backend,
    faults,
    inputs = [],
    random,
    dim = [],
  } = options;
  const given: readonly (readonly [string, string | undefined])[] = [
    ['--peers', peers],
    ['--topology', topology],
    ['--seed', seed],
    ['--flows', flows],
    ['--for', options.for],
    ['--compute', compute === 'executed' ? undefined : compute],
    ['--network', network === 'adaptive' ? undefined : network],
    ['--backend', backend],
    ['--faults', faults],
    ...inputs.map((one) => ['--inputs', one] as const),
    ['--random', random],
    ...dim.map((one) => ['--dim', one] as const),
  ];
  const words = given.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return ['bbc sim', source, ...words].join(' ');
}

export async function simulate(cx: CommandContext, source: string, options: SimOptions): Promise<void> {
  const settings = settingsOf(source, options);
  if (options.compact && options.record === undefined)
    throw new UsageError('--compact says how --record FILE is written');
  if (options.outputs !== undefined) checkFormat(options.outputs);
  const inputsOf = ({ plan }: LoadedDeployment) => inputsFor(plan, options);
  if (options.explore) {
    const { exploreStage } = await import('./explore.ts');
    if (options.faults !== undefined || options.record !== undefined || options.outputs !== undefined)
      throw new UsageError(
        '--explore tries every order by itself: leave --faults, --record and --outputs out',
      );
    return onStage(cx, settings, options.check, inputsOf, (stage) => exploreStage(cx, stage, options));
  }
  await onStage(cx, settings, options.check, inputsOf, async (stage) => {
    const record =
      options.record === undefined
        ? undefined
        : new RecordFile(options.record, stage, options.compact === true);
    try {
      const ran = await performChecked(cx, stage, source, options);
      if (options.outputs !== undefined) writeTensors(options.outputs, ran.outputs);
      cx.result(documentOf(stage, ran));
      printReport(cx, stage, ran);
      cx.report(ran.answers.warnings);
    } finally {
      record?.close();
    }
  });
}
