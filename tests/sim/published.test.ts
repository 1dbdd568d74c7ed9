// A reduction of published.1: the same world for two rounds.

import { afterAll, describe, expect, test } from 'vitest';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { shareRead } from '../support/mnist.ts';
import { federatedRounds, networks, roundsTo } from '../support/published.ts';

const backend = onnxRuntimeBackend({ workers: 0 });
afterAll(() => backend.close());

describe('federated averaging of the 2NN over MNIST by 10 of 100 clients', () => {
  const setting = { network: '2NN', lr: 0.2, epochs: 1, batch: 10 } as const;

  test('learns, goes on from where it was, and scores as a plain loop does', async () => {
    const first = await federatedRounds(setting, backend, 1);
    const then = await federatedRounds(setting, backend, 1, 1, first.parameters);
    expect(first.scores[0]).toBeGreaterThan(0.7);
    expect(then.scores[0]).toBeGreaterThan(0.8);
    const floats = (name: string): Float32Array =>
      new Float32Array(new Uint8Array(then.parameters[name]!).buffer);
    expect(then.scores[0]).toBeCloseTo(shareRead(['hidden1', 'hidden2', 'out'], floats), 3);
  });
});

test.each([
  ['2NN', 199_210],
  ['CNN', 1_663_370],
] as const)('the %s has %d parameters, as the paper states', (name, count) => {
  const specs: readonly { readonly dims: readonly number[] }[] = Object.values(networks[name].parameters);
  const sizes = specs.map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
});

test('rounds are counted where the best so far crosses the target, between two rounds by a line', () => {
  expect(roundsTo(0.9, [0.5, 0.8, 0.7, 1])).toBeCloseTo(3.5);
  expect(roundsTo(0.9, [0.5, 0.9])).toBeCloseTo(2);
  expect(roundsTo(0.9, [0.95])).toBe(1);
  expect(roundsTo(0.9, [0.5, 0.8, 0.7])).toBeUndefined();
});
