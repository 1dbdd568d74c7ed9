// What simulated peers cost: nodes that gossip, from a hundred to ten thousand in one process; memory of one that is
// idle, time of an event, and how both grow. And federated averaging over a thousand clients that really train.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openContext } from '../cli/context.ts';
import { deploymentInMemory, peersOf } from '../cli/run/memory.ts';
import { onStage, perform } from '../cli/sim/simulate.ts';
import { compile, parseTopology } from '../compiler/index.ts';
import {
  cohort,
  constant,
  emit,
  entry,
  interval,
  type Module,
  module,
  on,
  peerSelector,
  record,
  state,
  type Value,
} from '../dsl/index.ts';
import { DiagnosticError } from '../ir/index.ts';
import { World } from '../runtime/host/sim/index.ts';
import type { NodeComponent } from '../runtime/index.ts';
import { cpuBackend } from '../stdlib/backends/cpu/index.ts';
import { strings } from '../stdlib/tensors.ts';
import type { Figure } from './figure.ts';
import { processorSeconds } from './processor.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Ticks of all nodes together, at every size. */
const TICKS = 20_000;
/** Ticks of each node before. */
const REHEARSALS = 1;
const TURNS = 3;
const PERIOD_NS = 10e9;
const CLIENTS = 1000;
const ROUNDS = 3;

type Scalar = Value<'float32', [], string>;
const nodes = cohort('node');
/** Every ten seconds each node sends another what it holds, which takes the mean. */
const gossip = module('gossip', () => {
  const x = state('x', constant(1), { at: nodes });
  const some = peerSelector('some', { at: nodes.me });
  entry('tick', nodes, interval('10s'), () => {
    const mine = on(nodes.me, () => x.read()) as unknown as Scalar;
    const set = on(nodes.me, () => some.select(1, { class: 'node', self: 'yes' }));
    const p = nodes.one(set as never);
    const now = on(p, () => x.update((latest) => (latest as unknown as Scalar).add(mine).mul(0.5) as never));
    emit('x', now as never);
  });
});

/** One other member, at a cost that does not depend on how many there are. */
const anyOther = (): NodeComponent => ({
  roles: ['peer_selector'],
  call(_, { members, random, peer: self }) {
    const all = members('node');
    const at = random.below(all.length);
    return [strings([all[at] === self ? all[(at + 1) % all.length]! : all[at]!])];
  },
});

async function worldOf(source: Module, classes: object): Promise<World> {
  const environment = { file: 'model.ts', open: unopened, locate: () => undefined };
  const { topology } = parseTopology(JSON.stringify({ version: 1, classes }), 'topology.json');
  const { compilation, diagnostics, ok } = compile(record(source, environment).model, {
    topology: topology!,
  });
  if (!ok) throw new DiagnosticError(diagnostics);
  const backend = cpuBackend();
  const peers = peersOf(deploymentInMemory(compilation)).map((one) => ({
    ...one,
    backend,
    components: { some: anyOther },
  }));
  collectGarbage();
  return World.create({ peers, seed: 1n, links: undefined, computeNs: () => 1000 });
}

const unopened = (path: string): never => {
  throw new Error(`no file ${path}`);
};

const heapBytes = (): number => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Of a world of so many nodes: bytes of one that does nothing, and µs of the processor per event once they gossip. */
async function gossiping(count: number): Promise<{ readonly bytes: number; readonly us: number }> {
  // What all nodes share is there already.
  const before = heapBytes();
  const world = await worldOf(gossip, { node: { count } });
  const bytes = (heapBytes() - before) / count;
  // Nobody switches ten thousand nodes on at once.
  for (const [index, peer] of [...world.peers.values()].entries())
    world.give(peer, { type: 'begin' }, Math.round((index / count) * PERIOD_NS));
  const tick = async (until: number): Promise<void> => {
    while (world.now <= (until + 1) * PERIOD_NS) await world.step();
  };
  // Tables that a node has once it has done something.
  await tick(REHEARSALS);
  const [start, events] = [process.cpuUsage(), world.events];
  await tick(REHEARSALS + Math.ceil(TICKS / count));
  return { bytes, us: (processorSeconds(start) * 1e6) / (world.events - events) };
}

type Cost = Awaited<ReturnType<typeof gossiping>>;

/** The sizes in turns, so that all see the same machine. */
async function gossipingAt(...counts: readonly number[]) {
  const all = counts.map(() => [] as Cost[]);
  for (let turn = 0; turn < TURNS; turn++)
    for (const [at, count] of counts.entries()) all[at]!.push(await gossiping(count));
  return all.map((turns) => ({
    bytes: median(turns.map(({ bytes }) => bytes)),
    us: median(turns.map(({ us }) => us)),
  }));
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Of the model that `runtime.2` trains: clients with sixty digits each, of which each goes through all in a round. */
async function averagingDigits(): Promise<{ readonly clients: number; readonly accuracy: number }> {
  const folder = path.resolve(import.meta.dirname, '../../tests/support/sim-digits');
  const scratch = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const peers = path.join(scratch, 'topology.json');
  const topology = readFileSync(path.join(folder, 'topology.json'), 'utf8')
    .replace('"count": 100', `"count": ${CLIENTS}`)
    .replaceAll('../../..', path.resolve(folder, '../../..'));
  writeFileSync(peers, topology);
  const silent = { write: () => true };
  const cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);
  const source = path.join(folder, 'model.ts');
  const settings = { source, peers, flows: ROUNDS, seed: 1, compute: 'executed' } as const;
  try {
    return await onStage(
      cx,
      settings,
      false,
      () => new Map(),
      async (stage) => {
        const start = process.cpuUsage();
        const { rounds } = await perform(cx, stage);
        const seconds = processorSeconds(start);
        const answers = rounds.reduce((sum, { outputs }) => sum + (outputs.answers ?? 0), 0);
        return { clients: answers / seconds, accuracy: rounds.at(-1)?.outputs.accuracy ?? 0 };
      },
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export async function benchSim(): Promise<Figure[]> {
  await gossiping(100);
  const [small, medium, large] = (await gossipingAt(100, 1000, 10_000)) as [Cost, Cost, Cost];
  const { clients, accuracy } = await averagingDigits();
  return [
    { name: 'an idle node of 10,000', value: large.bytes / 1000, unit: 'kB', limit: 20 },
    { name: 'events of 10,000 gossiping nodes', value: 1e6 / large.us, unit: '/s' },
    { name: 'an event among 100 gossiping nodes', value: small.us, unit: 'µs' },
    { name: 'an event among 1,000', value: medium.us, unit: 'µs' },
    { name: 'an event among 10,000', value: large.us, unit: 'µs' },
    { name: 'growth per event from 100 to 10,000 nodes', value: large.us / small.us, unit: '×', limit: 1.5 },
    { name: 'federated averaging of digits over 1,000 clients', value: clients, unit: 'clients/s' },
    {
      name: 'share of digits read wrongly after three of its rounds',
      value: 1 - accuracy,
      unit: '',
      limit: 0.8,
    },
  ];
}
