// Workers that learn digits together: DiLoCo in 8 bits, and the same optimiser with everybody's gradients at every step. Both
// go through the same records in the same order.

import { cohort, float32, int64, type Module, peer, uint8 } from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { flatten, linear, relu, sequential } from '../../dsl/nn/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { adaptive, type Backend, type Components } from '../../runtime/index.ts';
import { delta } from '../../stdlib/codecs/graph.ts';
import { dataComponent } from '../../stdlib/data/index.ts';
import { diLoCo, fedOpt, type Task, taskOf } from '../../stdlib/strategies/index.ts';
import { plain } from './deploy.ts';
import { iidShards, shareRead } from './mnist.ts';
import { simulatedWorld, topologyIn } from './simulated.ts';

export interface Run {
  /** Numbers that the hidden layers give, of which there are two. */
  readonly hidden: number;
  readonly workers: number;
  /** Of each worker. */
  readonly batch: number;
  readonly steps: number;
}

export interface Together {
  /** The share of the 10,000 test digits that are read rightly in the end. */
  readonly accuracy: number;
  /** Everything that all links have carried, after each round. */
  readonly bytes: readonly number[];
}

const layers = ['hidden1', 'hidden2', 'out'] as const;
const [server, workers] = [peer('server'), cohort('worker')];
const optimizer = adamw({ lr: 1e-3, weightDecay: 0.01 });

function digits(hidden: number): Task {
  const net = sequential(
    flatten(),
    ['hidden1', linear({ in: 784, out: hidden })],
    relu(),
    ['hidden2', linear({ in: hidden, out: hidden })],
    relu(),
    ['out', linear({ in: hidden, out: 10 })],
  );
  return taskOf({
    parameters: net.parameters,
    seed: 1,
    fields: { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] },
    loss: (at, { image, label }) => crossEntropy(net(at)(image.cast({ to: float32 }).div(255)), label),
  });
}

/** Synchronous: a step of AdamW at the server by the mean of the workers' gradients, as float32. */
export const everyStep = ({ hidden, batch, steps }: Run): Module =>
  fedOpt(digits(hidden), {
    server,
    clients: workers,
    rounds: steps,
    // What one step of this moves by is the gradient, the other way round.
    local: { optimizer: sgd({ lr: 1 }), steps: 1, batch },
    optimizer,
  });

/** DiLoCo: a hundred steps of AdamW at each worker, and 8 bits a number there and back. */
export const everyHundred = ({ hidden, batch, steps }: Run): Module =>
  diLoCo(digits(hidden), {
    server,
    clients: workers,
    rounds: steps / 100,
    local: { optimizer, steps: 100, batch },
    brings: (values, name) => delta(name, values, { from: server, to: workers, codec: 'int8' }),
    answers: { codec: 'int8' },
  });

export async function together(source: Module, run: Run, backend: Backend): Promise<Together> {
  const topology = topologyIn({
    classes: { server: {}, worker: { count: run.workers } },
    links: [{ between: ['worker', 'server'], latency: '20ms', up: '100Mbit/s', down: '100Mbit/s' }],
  });
  const parts = iidShards(run.workers);
  const components = (id: string): Components => {
    const index = Number(/^worker\/(\d+)$/.exec(id)?.[1] ?? -1);
    if (index < 0) return {};
    return { train: dataComponent(parts[index]!, { shuffle: { seed: 1 }, stream: index }) };
  };
  // With acknowledgements, as peers over real links have them.
  const options = { network: adaptive() };
  const { deployment, world } = await simulatedWorld(source, topology, options, components, backend);
  const bytes: number[] = [];
  const { status } = await deployment.invoke({}, { onFlow: () => bytes.push(world.traffic.sent.bytes) });
  if (status !== 'complete') throw new Error(`the last round is ${status}`);
  const { server: held = {} } = await deployment.state();
  await deployment.close();
  const accuracy = shareRead(layers, (name) => Float32Array.from(plain(held[name]) as readonly number[]));
  return { accuracy, bytes };
}
