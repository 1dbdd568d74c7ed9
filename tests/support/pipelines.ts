// Pipelines of replicas in simulated worlds, one of whose members is gone in the middle of a stream.

import { deploymentInMemory } from '../../cli/run/memory.ts';
import { faultPlan } from '../../cli/sim/faults.ts';
import type { Compilation } from '../../compiler/index.ts';
import { cohort, float32, input, type Module, onnx, peer, record } from '../../dsl/index.ts';
import { memorySource, type Tensor, type Topology } from '../../ir/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { SimulatedDeployment, scheduleFaults, World } from '../../runtime/host/sim/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { pipeline } from '../../stdlib/strategies/index.ts';
import { compiled, plain } from './deploy.ts';
import { onnxOf } from './onnx-text.ts';
import { optionsFor, topologyIn } from './simulated.ts';

const SIZE = 16;
const model = onnxOf(`<ir_version: 10, opset_import: ["": 21]>
net (float[1,${SIZE}] x) => (float[1,${SIZE}] y) {
  h = Tanh (x)
  k = Mul (h, x)
  y = Softmax (k)
}`);

export const program: Module = pipeline(onnx('./net.onnx'), {
  client: peer('client'),
  asked: () => ({ x: input('x', float32, [1, SIZE]) }),
  stages: [{ on: cohort('front'), until: 'h' }, { on: cohort('back') }],
  answer: ({ y }) => ({ y: y! }),
  within: '2s',
});

export const replicas: Topology = topologyIn({
  classes: { client: {}, front: { count: 2 }, back: { count: 2 } },
  links: [
    { between: ['client', 'front'], latency: '10ms' },
    { between: ['front', 'back'], latency: '10ms' },
    { between: ['client', 'back'], latency: '10ms' },
  ],
});

/** Each request is another one. */
export const requestOf = (at: number): Tensor => {
  const x = Float32Array.from({ length: SIZE }, (_, axis) => Math.sin(at * SIZE + axis));
  return { dtype: 'float32', dims: [1, SIZE], bytes: new Uint8Array(x.buffer) };
};

/** What Softmax (Tanh (x) · x) is, in double precision. */
export function expected(at: number): readonly number[] {
  const x = Array.from(new Float32Array(requestOf(at).bytes.slice().buffer));
  const raised = x.map((one) => Math.exp(Math.tanh(one) * one));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((one) => one / sum);
}

export interface Stream {
  readonly answers: readonly (readonly number[] | string)[];
  /** When each was called and when it was answered, in s. */
  readonly called: readonly number[];
  readonly answered: readonly number[];
  /** How many routes each took. */
  readonly tries: readonly number[];
  /** Until all were answered, in s. */
  readonly lasted: number;
}

/** From then, in s, until the first request was answered by another route than its first. */
export const recoveryOf = ({ answered, tries }: Stream, killed: number): number =>
  Math.min(...answered.filter((_, at) => tries[at]! > 1)) - killed;

export interface Kill {
  readonly who: string;
  readonly at: string;
  /** When others are told; never: they find out by their deadlines. */
  readonly notice: string;
}

export function compiledFor(topology: Topology): Compilation {
  const { model: source } = record(program, {
    file: 'model.ts',
    open: (path) => memorySource(path, model),
    locate: () => undefined,
  });
  return compiled(source, topology);
}

export const deployed = (topology: Topology): LoadedDeployment => deploymentInMemory(compiledFor(topology));

/** Requests, `atOnce` of which are called before others are answered. */
export async function stream(requests: number, atOnce: number, seed: bigint, kill?: Kill): Promise<Stream> {
  const loaded = deployed(replicas);
  const own = optionsFor(loaded, replicas);
  const peers = own.peers.map((one) => ({ ...one, components: makersOf(one.bundle.manifest.slots) }));
  const world = await World.create({ ...own, peers, seed });
  const deployment = new SimulatedDeployment(world);
  if (kill !== undefined) {
    const text = JSON.stringify({ version: 1, faults: [{ kind: 'crash', ...kill, who: [kill.who] }] });
    const plan = faultPlan(text, 'faults.json', [kill.who]);
    scheduleFaults(world, plan, { lost: ({ id }) => deployment.lose(id) });
  }
  const stream = {
    answers: [] as Stream['answers'][number][],
    called: [] as number[],
    answered: [] as number[],
    tries: [] as number[],
  };
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < requests) {
      const at = next++;
      stream.called[at] = world.now / 1e9;
      const { outputs, step } = await deployment.invoke({ x: requestOf(at) });
      stream.answers[at] = plain(outputs.y);
      stream.answered[at] = world.now / 1e9;
      stream.tries[at] = step + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return { ...stream, lasted: world.now / 1e9 };
}
