// The same training step in TensorFlow.js and, where it is there, in PyTorch.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type * as Core from '@tensorflow/tfjs-core';
import { build } from 'esbuild';
import type { Shapes } from './digits.ts';

export interface Data {
  readonly images: Float32Array;
  readonly labels: readonly number[];
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly rate: number;
}

export interface Other {
  /** In a process of its own. */
  readonly isElsewhere?: boolean;
  /** One step; a number is how long it took, in ms, if it says so itself. */
  readonly step: () => Promise<unknown>;
  /** The parameters now, if they can be read. */
  readonly read?: () => ReadonlyMap<string, Float32Array>;
  close(): void;
}

type TensorFlow = typeof Core & { setWasmPaths(folder: string): void };
let bundled: Promise<TensorFlow> | undefined;

/** Its parts that train, as one script: they are modules that bundlers know and Node does not. */
async function loadTensorFlow(): Promise<TensorFlow> {
  const require = createRequire(import.meta.url);
  const core = '@tensorflow/tfjs-core';
  const outfile = path.join(mkdtempSync(path.join(tmpdir(), 'bench-')), 'tensorflow.cjs');
  try {
    await build({
      stdin: {
        contents: `export * from '${core}'; import '${core}/dist/register_all_gradients'; import '@tensorflow/tfjs-backend-cpu'; export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';`,
        resolveDir: path.dirname(require.resolve(core)),
      },
      bundle: true,
      platform: 'node',
      mainFields: ['module', 'main'],
      format: 'cjs',
      logLevel: 'error',
      outfile,
    });
    const tf = require(outfile) as TensorFlow;
    tf.enableProdMode();
    tf.setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
    return tf;
  } finally {
    rmSync(path.dirname(outfile), { recursive: true });
  }
}

/** 784-128-64-10 in TensorFlow.js, with the optimiser and the gradients of its core. */
export async function tensorflow(backend: 'cpu' | 'wasm', shapes: Shapes, data: Data): Promise<Other> {
  bundled ??= loadTensorFlow();
  const tf = await bundled;
  await tf.setBackend(backend);
  await tf.ready();
  const variables = new Map(
    Object.entries(shapes).map(([name, dims]) => [
      name,
      tf.variable(tf.tensor(data.parameters.get(name)!, [...dims])),
    ]),
  );
  const get = (name: string): Core.Tensor2D => variables.get(name) as unknown as Core.Tensor2D;
  const batch = data.labels.length;
  const x = tf.tensor2d(data.images, [batch, 784]);
  const hot = tf.oneHot(tf.tensor1d([...data.labels], 'int32'), 10) as Core.Tensor2D;
  const optimizer = tf.train.sgd(data.rate);
  const loss = (): Core.Scalar => {
    const dense = (input: Core.Tensor2D, layer: number): Core.Tensor2D =>
      tf.add(tf.matMul(input, get(`w${layer}`)), get(`b${layer}`));
    const scores = dense(tf.relu(dense(tf.relu(dense(x, 1)), 2)), 3);
    return tf.losses.softmaxCrossEntropy(hot, scores);
  };
  return {
    step: async () => {
      const cost = optimizer.minimize(loss, true) as Core.Scalar;
      await cost.data();
      cost.dispose();
    },
    read: () => new Map([...variables].map(([name, value]) => [name, value.dataSync() as Float32Array])),
    close: () => {
      for (const one of [...variables.values(), x, hot]) one.dispose();
    },
  };
}

/** Trains on one thread; says `ready`, then how many ms a step took for each line that it reads. */
const SCRIPT = `
import sys, time, torch
import torch.nn as nn, torch.nn.functional as F
torch.set_num_threads(1)
torch.manual_seed(1)
name, batch = sys.argv[1], int(sys.argv[2])
if name == 'MLP':
    x = torch.rand(batch, 784)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
else:
    x = torch.rand(batch, 1, 28, 28)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10))
y = torch.arange(batch) % 10
descent = torch.optim.SGD(model.parameters(), lr=0.01)
print('ready', flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    descent.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    descent.step()
    loss.item()
    print((time.perf_counter() - start) * 1000, flush=True)
`;

/** The step in PyTorch for Python, eager; undefined if \`python3\` has none. */
export async function torch(network: string, batch: number): Promise<Other | undefined> {
  const child: ChildProcess = spawn('python3', ['-c', SCRIPT, network, String(batch)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const gone = new Promise<undefined>((resolve) => {
    child.on('error', () => resolve(undefined));
    child.on('exit', () => resolve(undefined));
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const line = async (): Promise<string | undefined> =>
    (await Promise.race([lines.next(), gone]))?.value as string | undefined;
  if ((await line()) !== 'ready') return undefined;
  return {
    isElsewhere: true,
    step: async () => {
      child.stdin!.write('\n');
      return Number(await line());
    },
    close: () => void child.kill(),
  };
}
