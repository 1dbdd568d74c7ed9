// Federated averaging over MNIST as McMahan et al. 2017 (arXiv:1602.05629, section 3) have it, in simulated worlds: 100
// clients with 600 records each, of which 10 take part in a round.

import { cohort, constant, float32, int64, peer, uint8 } from '../../dsl/index.ts';
import { accuracy, crossEntropy } from '../../dsl/loss/index.ts';
import { conv2d, flatten, linear, maxPool2d, relu, sequential } from '../../dsl/nn/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import { key } from '../../dsl/random/index.ts';
import { type DataValue, isTensor } from '../../ir/index.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import { dataComponent } from '../../stdlib/data/index.ts';
import { fedAvg, type Task, taskOf } from '../../stdlib/strategies/index.ts';
import { plain } from './deploy.ts';
import { iidShards, mnist } from './mnist.ts';
import { draw } from './programs/pick.ts';
import { simulatedWorld, topologyIn } from './simulated.ts';

const CLIENTS = 100;
const PICKED = 10;
const TEST = 10_000;

const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;

const twoNN = sequential(
  flatten(),
  ['hidden1', linear({ in: 784, out: 200 })],
  relu(),
  ['hidden2', linear({ in: 200, out: 200 })],
  relu(),
  ['out', linear({ in: 200, out: 10 })],
);
const cnn = sequential(
  ['conv1', conv2d({ in: 1, out: 32, kernel: 5, padding: 'same' })],
  relu(),
  maxPool2d(2),
  ['conv2', conv2d({ in: 32, out: 64, kernel: 5, padding: 'same' })],
  relu(),
  maxPool2d(2),
  flatten(),
  ['hidden', linear({ in: 3136, out: 512 })],
  relu(),
  ['out', linear({ in: 512, out: 10 })],
);

export const networks = { '2NN': twoNN, CNN: cnn } as const;

/** Parameters by name, as their bytes. */
export type Parameters = Readonly<Record<string, Uint8Array>>;

export interface Setting {
  readonly network: keyof typeof networks;
  readonly lr: number;
  readonly epochs: number;
  readonly batch: number;
}

/** The network as a task; without `from` it begins as its layers declare. */
function taskIn({ network }: Pick<Setting, 'network'>, from: Parameters | undefined): Task {
  const { parameters } = networks[network];
  const net = networks[network] as typeof twoNN;
  const constants = (values: Parameters) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { dims }]) => {
        const numbers = new Float32Array(new Uint8Array(values[name]!).buffer);
        return [name, constant(numbers, float32, dims as readonly number[])] as const;
      }),
    );
  return taskOf({
    parameters: (from === undefined ? parameters : () => constants(from)) as typeof net.parameters,
    seed: 1,
    fields,
    loss: (at, { image, label }) => crossEntropy(net(at)(image.cast({ to: float32 }).div(255)), label),
    score: (at, { image, label }) => accuracy(net(at)(image.cast({ to: float32 }).div(255)), label),
  });
}

export interface Rounds {
  /** The share of the test digits that are read rightly after each round. */
  readonly scores: readonly number[];
  readonly parameters: Parameters;
}

/** Some rounds, from where others ended; `part` says whose they are, so that no two draw alike. */
export async function federatedRounds(
  { network, lr, epochs, batch }: Setting,
  backend: Backend,
  rounds: number,
  part = 0,
  from?: Parameters,
): Promise<Rounds> {
  const module = fedAvg(taskIn({ network }, from), {
    server: peer('server'),
    clients: cohort('client'),
    rounds,
    local: { optimizer: sgd({ lr }), batch, epochs },
    pick: draw(key(part), PICKED),
    test: { records: TEST, atOnce: 1000 },
  });
  const [parts, unseen] = [iidShards(CLIENTS), mnist('t10k')];
  const components = (id: string): Components => {
    const index = Number(/^client\/(\d+)$/.exec(id)?.[1] ?? -1);
    if (index < 0) return { test: dataComponent(unseen) };
    return { train: dataComponent(parts[index]!, { shuffle: { seed: part }, stream: index }) };
  };
  const topology = topologyIn({
    classes: { server: {}, client: { count: CLIENTS } },
    links: [{ between: ['server', 'client'], latency: '20ms', up: '10Mbit/s', down: '50Mbit/s' }],
  });
  const { deployment } = await simulatedWorld(module, topology, {}, components, backend);
  const scores: number[] = [];
  const { status } = await deployment.invoke(
    {},
    { onFlow: ({ outputs }) => scores.push(...(plain(outputs.score) as readonly number[])) },
  );
  if (status !== 'complete') throw new Error(`the last round is ${status}`);
  const { server = {} } = await deployment.state();
  const names = Object.keys(networks[network].parameters);
  await deployment.close();
  return { scores, parameters: Object.fromEntries(names.map((name) => [name, bytesIn(server[name])])) };
}

function bytesIn(value: DataValue | undefined): Uint8Array {
  if (value === undefined || !isTensor(value)) throw new Error('the server has no such parameter');
  return new Uint8Array(value.bytes);
}

/**
 * After how many rounds the curve, made monotone by the best so far, crosses the target, between rounds by a line, as section 3
 * of the paper has it; undefined if it does not.
 */
export function roundsTo(target: number, scores: readonly number[]): number | undefined {
  const best = scores.map((_, at) => Math.max(...scores.slice(0, at + 1)));
  const at = best.findIndex((score) => score >= target);
  if (at <= 0) return at === 0 ? 1 : undefined;
  const [before, after] = [best[at - 1]!, best[at]!];
  return at + (target - before) / (after - before);
}
