// Strategies as processes over WebSockets, each in the smallest deployment that it admits, beside the same in one process.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openContext } from '../../cli/context.ts';
import { openPeerData } from '../../cli/run/components.ts';
import { startProcesses } from '../../cli/run/processes.ts';
import { type Compilation, parseTopology, writeDeployment } from '../../compiler/index.ts';
import { isTensor, type Topology } from '../../ir/index.ts';
import { type Deployment, type PeerStates, startDeployment } from '../../runtime/host/index.ts';
import { type LoadedDeployment, loadDeployment, peersOf } from '../../runtime/host/node-bundle.ts';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { points, RECORDS } from './blobs.ts';
import { compiled, plain, recorded } from './deploy.ts';
import { compiledFor, requestOf } from './pipelines.ts';
import { projectRoot } from './root.ts';
import { type Strategy, type StrategyName, smallest, strategies } from './strategies.ts';

const main = path.join(projectRoot, 'dist/cli/main.js');
const silent = { write: () => true };
const ROUNDS = 3;
/** Flows of a strategy that has no end. */
const FLOWS = 6;

/** What became of a run: as often as flows ended so, and the bits of what every peer has. */
export interface Ending {
  readonly statuses: Readonly<Record<string, number>>;
  readonly messages: Readonly<Record<string, number>>;
  /** Hexadecimal, by peer and key. */
  readonly state: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const bitsOf = (states: PeerStates): Ending['state'] =>
  Object.fromEntries(
    Object.entries(states).map(([peer, state]) => [
      peer,
      Object.fromEntries(
        Object.entries(state).flatMap(([key, value]) =>
          isTensor(value) ? [[key, Buffer.from(value.bytes).toString('hex')]] : [],
        ),
      ),
    ]),
  );

async function ending(deployment: Deployment, { byItself }: Strategy): Promise<Ending> {
  const statuses: Record<string, number> = {};
  const messages: Record<string, number> = {};
  let flows = 0;
  const onFlow = ({ status, peers }: Parameters<Parameters<Deployment['arm']>[1]>[0]): void => {
    flows++;
    statuses[status] = (statuses[status] ?? 0) + 1;
    for (const [id, { receivedMessages }] of Object.entries(peers))
      messages[id] = (messages[id] ?? 0) + receivedMessages;
  };
  try {
    if (byItself !== undefined) {
      deployment.arm({}, onFlow);
      await deployment.serve(() => byItself === 'goes on' && flows >= FLOWS);
    } else await deployment.invoke({}, { onFlow });
    return { statuses, messages, state: bitsOf(await deployment.state()) };
  } finally {
    await deployment.close();
  }
}

export class StrategyProcesses {
  readonly #folder: string;
  readonly #cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);

  /** Where deployments are written, and the records of all clients. */
  constructor(folder: string) {
    this.#folder = folder;
    const { x, t } = points(1, 2 * RECORDS);
    const lines = t.map((label, at) => `${x[2 * at]},${x[2 * at + 1]},${label}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'points.csv'), ['a,b,t', ...lines].join('\n'));
  }

  /** As processes; and in this one too, unless its flows start by themselves: when, is another matter each time. */
  async run(name: StrategyName): Promise<{ readonly several: Ending; readonly one: Ending | undefined }> {
    const strategy: Strategy = strategies[name];
    const program = strategy.of({ clients: 2, rounds: ROUNDS, within: '20s' });
    const topology = this.#topology(name, this.#classes(name));
    const { deployment, processes } = await this.#start(
      name,
      compiled(recorded(program), topology.parsed),
      topology.file,
    );
    const several = await ending(processes, strategy);
    return {
      several,
      one:
        strategy.byItself !== undefined ? undefined : await this.#here(deployment, strategy, topology.file),
    };
  }

  /** A pipeline of one replica for each stage, as processes: what it answers. */
  async answers(requests: number): Promise<readonly (readonly number[] | string)[]> {
    const { file, parsed } = this.#topology('pipeline', {
      client: {},
      front: { count: 1 },
      back: { count: 1 },
    });
    const { processes } = await this.#start('pipeline', compiledFor(parsed), file);
    try {
      const all = Array.from({ length: requests }, (_, at) => processes.invoke({ x: requestOf(at) }));
      return (await Promise.all(all)).map(({ outputs }) => plain(outputs.y));
    } finally {
      await processes.close();
    }
  }

  async #start(
    name: string,
    compilation: Compilation,
    topology: string,
  ): Promise<{ readonly deployment: LoadedDeployment; readonly processes: Deployment }> {
    const folder = path.join(this.#folder, name);
    writeFolder(folder, (sink) => writeDeployment(compilation, sink));
    const deployment = await loadDeployment(folder);
    const settings = { optimization: 'disabled', backend: 'cpu', topology, main };
    const prepared = { deployment, folder, dispose: () => {} };
    return { deployment, processes: await startProcesses(this.#cx, prepared, settings) };
  }

  #topology(name: string, classes: object): { readonly file: string; readonly parsed: Topology } {
    const file = path.join(this.#folder, `${name}.json`);
    const text = JSON.stringify({ version: 1, classes });
    writeFileSync(file, text);
    return { file, parsed: parseTopology(text, 'topology.json').topology! };
  }

  #classes(name: StrategyName): object {
    const train = {
      kind: 'csv',
      file: 'points.csv',
      fields: { x: ['a', 'b'], t: { columns: 't', classes: ['0', '1', '2'] } },
      shard: { by: 'iid', seed: 1 },
    };
    const { server, ...cohorts } = smallest(name);
    return {
      ...(server !== undefined && { server: {} }),
      ...Object.fromEntries(Object.entries(cohorts).map(([cls, count]) => [cls, { count }])),
      client: { count: cohorts.client, components: { train } },
    };
  }

  async #here(deployment: LoadedDeployment, strategy: Strategy, topology: string): Promise<Ending> {
    const all = peersOf(deployment);
    const data = await openPeerData(this.#cx, all, topology);
    try {
      const peers = all.map((peer) => ({ ...peer, components: data.of(peer.id) }));
      return await ending(await startDeployment({ peers, backend: cpuBackend() }), strategy);
    } finally {
      await data.close();
    }
  }
}
