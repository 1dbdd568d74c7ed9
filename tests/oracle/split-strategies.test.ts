// Learning over a cut is learning at one peer: split in turn, SplitFed and the shape of a U come to the parameters of plain
// gradient descent with the whole network on the same batches.

import { expect, test } from 'vitest';
import {
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  type Module,
  module,
  next,
  peer,
} from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { linear, relu, sequential, states } from '../../dsl/nn/index.ts';
import { read, sgd, train } from '../../dsl/optim/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { type Cut, split, splitFed, uSplit, type Weights } from '../../stdlib/strategies/index.ts';
import { clients, cutBlobs, dataOf, points, RECORDS, server, uBlobs } from '../support/blobs.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const BATCH = 8;
const optimizer = sgd({ lr: 0.2 });
type Learnt = Readonly<Record<string, readonly number[]>>;
type Points = ReturnType<typeof points>;

const [hidden, middle, out] = [
  linear({ in: 2, out: 16 }),
  linear({ in: 16, out: 16 }),
  linear({ in: 16, out: 3 }),
];
const two = sequential(['hidden', hidden], relu(), ['out', out]);
const three = sequential(['hidden', hidden], relu(), ['middle', middle], relu(), ['out', out]);

/** The whole network at one peer, on so many records at a time. */
const whole = (net: typeof two, batch: number, steps: number): Module =>
  module('whole', () => {
    const central = peer('central');
    const records = dataSource('train', {
      at: central,
      fields: { x: [float32, ['N', 2]], t: [int64, ['N']] },
    });
    const held = states(net.parameters, { at: central, seed: 3 });
    entry('step', central, { initial: { step: 0n } }, ({ step }) => {
      const [now, { x, t }] = [read(held), records.batch(step, batch)];
      train(optimizer, held, gradient(crossEntropy(net(now)(x), t), now));
      next('step', { step: step.add(1n) }).when(step.less(BigInt(steps - 1)));
    });
  });

const componentOf = ({ x, t }: Points) => ({
  train: dataComponent(
    arrays({
      x: { dtype: 'float32', dims: [t.length, 2], bytes: new Uint8Array(x.buffer) },
      t: { dtype: 'int64', dims: [t.length], bytes: new Uint8Array(BigInt64Array.from(t, BigInt).buffer) },
    }),
  ),
});

/** Records in the order that steps take them: `at` says which record, of which client. */
function ordered(count: number, at: (index: number) => readonly [client: number, record: number]): Points {
  const of = Array.from({ length: count }, (_, index) => {
    const [client, record] = at(index);
    const { x, t } = points(client);
    return { x: [...x.subarray(2 * record, 2 * record + 2)], t: t[record]! };
  });
  return { x: Float32Array.from(of.flatMap(({ x }) => x)), t: of.map(({ t }) => t) };
}

async function parametersOf(
  program: Module,
  classes: object,
  components: (id: string) => object,
): Promise<Learnt> {
  const links = 'client' in classes ? [{ between: ['server', 'client'], latency: '20ms' }] : [];
  const world = await simulatedWorld(
    program,
    topologyIn({ classes, links }),
    {},
    components as typeof dataOf,
  );
  const { status, causes } = await world.deployment.invoke({});
  expect([status, causes]).toEqual(['complete', []]);
  const state = await world.deployment.state();
  const all = Object.assign({}, ...Object.values(state)) as Record<string, Parameters<typeof plain>[0]>;
  const names = Object.keys(all).filter((name) => /^(hidden|middle|out)\.(weight|bias)$/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, plain(all[name]) as number[]]));
}

const withClients = (count: number): object => ({ server: {}, client: { count } });

/** By how much two runs differ at most, over all parameters; they have the same ones. */
async function difference(program: Module, count: number, whole: Module, records: Points): Promise<number> {
  const [found, wanted] = [
    await parametersOf(program, withClients(count), dataOf),
    await parametersOf(whole, { central: {} }, () => componentOf(records)),
  ];
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  const apart = Object.entries(wanted).flatMap(([name, values]) =>
    values.map((value, at) => Math.abs(value - found[name]![at]!)),
  );
  expect(apart.length).toBeGreaterThan(90);
  return Math.max(...apart);
}

const cut: Cut = { server, clients, steps: 1, rounds: 8, batch: BATCH, optimizer };
/** Client by client, everything it has. */
const oneByOne = (index: number) => [Math.floor(index / RECORDS), index % RECORDS] as const;
/** A batch of each client, then the next of each. */
const together = (count: number) => (index: number) => {
  const batch = Math.floor(index / BATCH);
  return [batch % count, (Math.floor(batch / count) * BATCH + (index % BATCH)) % RECORDS] as const;
};

test('split, two clients in turn: as one peer with the records of all, bit for bit', async () => {
  const strategy = { ...cut, steps: RECORDS / BATCH, rounds: 4 };
  const records = ordered(2 * RECORDS, oneByOne);
  const steps = (4 * RECORDS) / BATCH;
  expect(await difference(split(cutBlobs, strategy), 2, whole(two, BATCH, steps), records)).toBe(0);
});

test.each(['at once', 'in turn'] as const)(
  'splitFed with one client that learns %s: as one peer',
  async (learns) => {
    const records = ordered(RECORDS, oneByOne);
    const strategy = { ...cut, learns };
    expect(await difference(splitFed(cutBlobs, strategy), 1, whole(two, BATCH, 8), records)).toBe(0);
  },
);

test('splitFed at once with layers averaged in every step: as one peer with the batches of all', async () => {
  const records = ordered(3 * RECORDS, together(3));
  const strategy = { ...cut, learns: 'at once' as const };
  const found = await difference(splitFed(cutBlobs, strategy), 3, whole(two, 3 * BATCH, 8), records);
  expect(found).toBeLessThan(2e-6);
});

test.each([
  [1, 1],
  [2, 3],
])('uSplit in %i parts with %i clients: as one peer with the batches of all', async (parts, count) => {
  const records = ordered(count * RECORDS, together(count));
  const strategy = { ...cut, parts };
  const wanted = whole(three as never, count * BATCH, 8);
  expect(await difference(uSplit(uBlobs, strategy), count, wanted, records)).toBeLessThan(2e-6);
});

test.each<[string, (more: Partial<Cut>) => Module]>([
  ['split', (more) => split(cutBlobs, { ...cut, steps: 3, ...more })],
  ['splitFed', (more) => splitFed(cutBlobs, { ...cut, steps: 3, learns: 'at once', ...more })],
  ['uSplit', (more) => uSplit(uBlobs, { ...cut, steps: 3, ...more })],
])('%s: layers, and how far they have come since they were agreed on, come to the same', async (_, of) => {
  const [layers, moved] = await Promise.all(
    [{}, { sends: (own: Weights) => own }].map((more) => parametersOf(of(more), withClients(3), dataOf)),
  );
  expect(Object.keys(moved!)).toEqual(Object.keys(layers!));
  for (const [name, values] of Object.entries(layers!))
    values.forEach((one, at) => void expect(moved![name]![at]).toBeCloseTo(one, 5));
});
