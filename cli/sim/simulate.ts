// What bbc sim does: prepares the deployment, lets it run in a world of its own, and tells what came of it.

import { SimulatedDeployment, World } from '../../runtime/host/sim/index.ts';
import { readTopology } from '../compile.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { Backends } from '../run/backends.ts';
import { openPeerData, type PeerData } from '../run/components.ts';
import { prepare } from '../run/deployment.ts';
import { hasSessions, runFlows } from '../run/flows.ts';
import { type InputOptions, inputsFor, valuesFor } from '../run/inputs.ts';
import { peersOf } from '../run/memory.ts';
import { countOf } from '../run/options.ts';
import { roundText } from '../run/rounds.ts';
import { checkFormat, writeTensors } from '../tensors/files.ts';
import { computeFor } from './compute.ts';
import { documentOf, printReport } from './report.ts';

export interface SimOptions extends InputOptions {
  readonly peers?: string;
  readonly topology?: string;
  readonly outputs?: string;
  readonly flows?: string;
  readonly seed: string;
  readonly compute: string;
  readonly backend?: string;
  readonly check: boolean;
}

/** Simulations take turns by nature: one thread. */
const ORT = { optimization: 'all', workers: 0 } as const;

export async function simulate(cx: CommandContext, source: string, options: SimOptions): Promise<void> {
  const { compute } = options;
  if (compute !== 'executed' && compute !== 'modelled')
    throw new UsageError(`--compute is executed or modelled, not '${compute}'`);
  const seed = BigInt(countOf('--seed', options.seed, 0));
  if (options.outputs !== undefined) checkFormat(options.outputs);
  const flows = options.flows === undefined ? undefined : countOf('--flows', options.flows, 1);
  const backends = new Backends(options.backend, ORT);
  const prepared = await prepare(cx, source, options);
  let data: PeerData | undefined;
  try {
    const { deployment } = prepared;
    const inputs = inputsFor(deployment.plan, options);
    const file = options.peers ?? options.topology;
    const topology = file === undefined ? undefined : readTopology(cx, file);
    const all = peersOf(deployment);
    data = compute === 'executed' ? await openPeerData(cx, all, file) : undefined;
    cx.progress('loading segments');
    const world = await World.create({
      peers: all.map((peer) => ({
        ...peer,
        backend: backends.of(peer.bundle.manifest),
        components: data?.of(peer.id) ?? {},
      })),
      links: topology?.links,
      seed,
      compute,
      computeNs: computeFor(topology),
    });
    const sessions = hasSessions(deployment);
    const ran = await runFlows(
      deployment,
      async () => new SimulatedDeployment(world),
      valuesFor(deployment.plan, inputs),
      flows,
      (round) => cx.progress(sessions ? roundText(round) : `flow ${round.step + 1} of ${flows ?? 1}`),
    );
    if (options.outputs !== undefined) writeTensors(options.outputs, ran.outputs);
    const report = { ran, world, sessions, seed };
    cx.result(documentOf(report));
    printReport(cx, deployment.plan, report);
    cx.report(ran.answers.warnings);
  } finally {
    await data?.close();
    await backends.close();
    prepared.dispose();
  }
}
