// The training steps that the benchmarks compare compute the same.

import { expect, it } from 'vitest';
import { cnn, mlp, type Network } from '../../bench/digits.ts';
import { generatedStep, generatedSteps, handWritten } from '../../bench/train-steps.ts';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { isTensor, type Model, type Tensor } from '../../ir/index.ts';
import { type Engine, onCpu, onOnnxRuntime } from '../support/converted.ts';

const BATCH = 4;

const count = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);
const waves = (dims: readonly number[], scale: number): Tensor =>
  tensorFrom(
    'float32',
    dims,
    Array.from({ length: count(dims) }, (_, at) => Math.sin(at * 12.9898 + 1) * scale),
  );
const labels = (dims: readonly number[]): Tensor =>
  tensorFrom(
    'int64',
    dims,
    Array.from({ length: count(dims) }, (_, at) => (at * 7) % 10),
  );
const parametersOf = (network: Network): [string, Tensor][] =>
  Object.entries(network.parameters).map(([name, dims]) => [name, waves(dims, 0.1)]);
const counter: [string, Tensor] = ['step', tensorFrom('int64', [], [0])];
const rate: [string, Tensor] = ['learning_rate', tensorFrom('float32', [], [0.1])];

async function results(engine: Engine, model: Model, inputs: readonly (readonly [string, Tensor])[]) {
  const given = await engine(model, new Map(inputs));
  return (name: string): Float32Array => {
    const value = given.get(name);
    if (value === undefined || !isTensor(value)) throw new Error(`there is no ${name}`);
    return new Float32Array(value.bytes.slice().buffer);
  };
}
const farthest = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, one, at) => Math.max(most, Math.abs(one - b[at]!)), 0);

it.each([
  ['MLP', mlp],
  ['CNN', cnn],
])(
  'generated, hand-written, of an unknown batch, or on the CPU backend: the %s takes the same step',
  async (_, network) => {
    const inputs = [
      ['x', waves([BATCH, ...network.image], 1)] as const,
      ['label', labels([BATCH])] as const,
      ...parametersOf(network),
      rate,
    ];
    const byHand = await results(onOnnxRuntime, handWritten.get(network)!(BATCH), inputs);
    for (const [engine, batch] of [
      [onOnnxRuntime, BATCH],
      [onOnnxRuntime, 'N'],
      [onCpu, BATCH],
    ] as const) {
      const ours = await results(engine, generatedStep(network, batch), [...inputs, counter]);
      for (const name of ['loss', ...Object.keys(network.parameters).map((one) => `new_${one}`)])
        expect(farthest(ours(name), byHand(name))).toBeLessThan(1e-6);
    }
  },
);

it('steps in one Scan end where steps one by one do', async () => {
  const steps = 3;
  const images = waves([steps, BATCH, ...mlp.image], 1);
  const classes = labels([steps, BATCH]);
  const scanned = await results(onOnnxRuntime, generatedSteps(mlp, BATCH, steps), [
    ['xs', images],
    ['labels', classes],
    ...parametersOf(mlp).map(([name, value]): [string, Tensor] => [`first_${name}`, value]),
    rate,
  ]);
  const single = generatedStep(mlp, BATCH);
  let parameters = parametersOf(mlp);
  const row = ({ dtype, dims, bytes }: Tensor, at: number): Tensor => ({
    dtype,
    dims: dims.slice(1),
    bytes: bytes.slice((at * bytes.length) / steps, ((at + 1) * bytes.length) / steps),
  });
  for (let step = 0; step < steps; step++) {
    const inputs = [
      ['x', row(images, step)] as const,
      ['label', row(classes, step)] as const,
      ...parameters,
      rate,
      counter,
    ];
    const given = await results(onOnnxRuntime, single, inputs);
    expect(Math.abs(given('loss')[0]! - scanned('losses')[step]!)).toBeLessThan(1e-6);
    parameters = parameters.map(([name, { dims }]) => [
      name,
      tensorFrom('float32', dims, [...given(`new_${name}`)]),
    ]);
  }
  for (const [name, { bytes }] of parameters)
    expect(farthest(new Float32Array(bytes.slice().buffer), scanned(`last_${name}`))).toBeLessThan(1e-6);
});
