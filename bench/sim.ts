// What simulated peers cost: nodes that gossip, from a hundred to ten thousand in one process; memory of one that is
// idle, time of an event, and how both grow. And federated averaging over a thousand clients that really train.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deploymentInMemory, peersOf } from '../cli/run/memory.ts';
import { compile, parseTopology } from '../compiler/index.ts';
import {
  cohort,
  collect,
  constant,
  emit,
  entry,
  gradient,
  interval,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  peerSelector,
  record,
  state,
  type Value,
  weightedMean,
} from '../dsl/index.ts';
import { DiagnosticError } from '../ir/index.ts';
import { SimulatedDeployment, World } from '../runtime/host/sim/index.ts';
import type { NodeComponent } from '../runtime/index.ts';
import { cpuBackend } from '../stdlib/backends/cpu/index.ts';
import { strings } from '../stdlib/tensors.ts';
import type { Figure } from './figure.ts';
import { processorSeconds } from './processor.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Ticks of all nodes together, at every size. */
const TICKS = 20_000;
const CLIENTS = 1000;
const ROUNDS = 3;
const STEPS = 10;

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

const [server, clients] = [peer('server'), cohort('client')];
/** Each client takes steps of gradient descent on a line of its own; the server averages. */
const averaging = module('averaging', () => {
  const w = state('w', constant([0, 0, 0, 0, 0, 0, 0, 0]), { at: server });
  const rounds = state('rounds', constant(0n), { at: server });
  entry('round', server, {}, () => {
    const now = w.read();
    const answers = on(clients.each, () => {
      let at = now.mul(1) as unknown as Value<'float32', [8], string>;
      for (let step = 0; step < STEPS; step++) {
        const off = at.sub([1, 2, 3, 4, 5, 6, 7, 8] as never) as unknown as typeof at;
        const loss = off.mul(off).reduceSum({ keepdims: false });
        at = at.sub((gradient(loss as never, { at } as never) as { at: typeof at }).at.mul(0.05)) as never;
      }
      return { at, n: constant(1) };
    });
    const { at, n } = collect(answers as never, { within: '10s' }) as never as Record<string, never>;
    const mean = weightedMean({ at } as never, n as never) as never as { readonly at: never };
    w.assign(mean.at);
    const done = rounds.update((before) => before.add(1n));
    output('rounds', done);
    next('round', {}).when(done.less(BigInt(ROUNDS)));
  });
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

/** Bytes of a node that does nothing, and µs of the processor per event once it gossips. */
async function gossiping(count: number): Promise<{ readonly bytes: number; readonly us: number }> {
  // What all nodes share is there already.
  const before = heapBytes();
  const world = await worldOf(gossip, { node: { count } });
  const bytes = (heapBytes() - before) / count;
  world.arm();
  const ticks = Math.ceil(TICKS / count);
  const start = process.cpuUsage();
  while (world.now <= ticks * 10e9 + 1e9) await world.step();
  const us = (processorSeconds(start) * 1e6) / world.events;
  return { bytes, us };
}

async function clientsPerSecond(): Promise<number> {
  const world = await worldOf(averaging, { server: {}, client: { count: CLIENTS } });
  const deployment = new SimulatedDeployment(world);
  const start = process.cpuUsage();
  await deployment.invoke({});
  return (ROUNDS * CLIENTS) / processorSeconds(start);
}

export async function benchSim(): Promise<Figure[]> {
  await gossiping(100);
  const [small, medium, large] = [await gossiping(100), await gossiping(1000), await gossiping(10_000)];
  return [
    { name: 'an idle node of 10,000', value: large.bytes / 1000, unit: 'kB', limit: 20 },
    { name: 'events of 10,000 gossiping nodes', value: 1e6 / large.us, unit: '/s' },
    { name: 'an event among 100 gossiping nodes', value: small.us, unit: 'µs' },
    { name: 'an event among 1,000', value: medium.us, unit: 'µs' },
    { name: 'an event among 10,000', value: large.us, unit: 'µs' },
    { name: 'growth per event from 100 to 10,000 nodes', value: large.us / small.us, unit: '×', limit: 1.5 },
    { name: 'federated averaging over 1,000 clients', value: await clientsPerSecond(), unit: 'clients/s' },
  ];
}
