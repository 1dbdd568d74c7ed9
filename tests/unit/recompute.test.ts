// What an author says to recompute: computed again for gradients, in the same bits, on ONNX Runtime too.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { constant, float32, input, module, output, recompute } from '../../dsl/index.ts';
import { exportModel, importModel, type Model, memorySource, type Tensor } from '../../ir/index.ts';
import { onCpu, onOnnxRuntime } from '../support/converted.ts';
import { recorded } from '../support/deploy.ts';

const numbers = (count: number, of: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(at * of + of));

/** Blocks of a product, a Tanh and a Sigmoid; each recomputed, or none. */
const deep = (isRecomputed: boolean): Model => {
  return recorded(
    module('deep', () => {
      const x = input('x', float32, ['N', 8]);
      let h = x.mul(1);
      for (let at = 1; at <= 3; at++) {
        const w = constant(numbers(64, at), float32, [8, 8]);
        const block = () => h.matmul(w).tanh().sigmoid();
        h = isRecomputed ? recompute('block', block) : block();
      }
      output('y', h.mul(h));
    }),
  );
};
const gradient = (model: Model): Model => gradModel(model, { wrt: ['x'] }).model!;
const count = (model: Model, type: string): number =>
  [...model.allOps()].filter((op) => op.type === type).length;
const bytesOf = (model: Model): Uint8Array =>
  Buffer.concat(exportModel(model).pieces.map((piece) => piece as Uint8Array));
const inputs = new Map<string, Tensor>([
  ['x', tensorFrom('float32', [2, 8], [...numbers(16, 5)])],
  ['grad_of_y', tensorFrom('float32', [2, 8], [...numbers(16, 9)])],
]);

it('computes again what only the recomputed part reads, up to what it read itself', () => {
  const [plain, again] = [gradient(deep(false)), gradient(deep(true))];
  // The results of blocks are kept: the next block reads them.
  expect([count(plain, 'Tanh'), count(again, 'Tanh')]).toEqual([3, 6]);
  expect([count(plain, 'Sigmoid'), count(again, 'Sigmoid')]).toEqual([3, 3]);
  expect(new Set([...deep(true).allOps()].map(({ recompute: name }) => name))).toEqual(
    new Set([undefined, 'block', 'block_1', 'block_2']),
  );
});

it('gives the same bits', async () => {
  const [plain, again] = [gradient(deep(false)), gradient(deep(true))];
  for (const engine of [onCpu, onOnnxRuntime])
    expect((await engine(again, inputs)).get('grad_of_x')).toEqual(
      (await engine(plain, inputs)).get('grad_of_x'),
    );
});

it('is done by ONNX Runtime, which finds no common subexpressions there', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'recompute-'));
  try {
    const file = path.join(folder, 'optimized.onnx');
    const session = await InferenceSession.create(bytesOf(gradient(deep(true))), {
      graphOptimizationLevel: 'extended',
      optimizedModelFilePath: file,
      logSeverityLevel: 4,
    });
    await session.release();
    const optimized = importModel(memorySource('optimized.onnx', readFileSync(file))).model!;
    expect(count(optimized, 'Tanh')).toBe(6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('keeps random numbers, and its mark in a file', () => {
  const text = deep(true);
  const back = importModel(memorySource('deep.onnx', bytesOf(text))).model!;
  expect([...back.allOps()].map(({ recompute: name }) => name)).toEqual(
    [...text.allOps()].map(({ recompute: name }) => name),
  );
  const noisy = recorded(
    module('noisy', () => {
      const x = input('x', float32, [4]);
      output(
        'y',
        recompute(() => x.mul(x.randomNormalLike()).tanh().sin()),
      );
    }),
  );
  const made = gradient(noisy);
  expect([count(made, 'RandomNormalLike'), count(made, 'Tanh')]).toEqual([1, 2]);
});
