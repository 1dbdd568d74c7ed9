// One training step of the deep network in a process of its own, and the memory that it takes: `deep-child.js BLOCK`.

import { writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { deepInput, deepParameters, deepStep } from './deep.ts';
import { peakBytes } from './peak.ts';
import { modelBytes } from './synthetic.ts';

const session = await InferenceSession.create(modelBytes(deepStep(Number(process.argv[2]))), {
  // Memory is asked for when it is needed and given back at once.
  enableCpuMemArena: false,
  enableMemPattern: false,
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
});
/** Between -1 and 1. */
const noise = (at: number): number => (Math.sin(at * 12.9898) * 43758.5453) % 1;
const filled = (dims: readonly number[], scale: number): Tensor =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims[0]! * dims[1]! }, (_, at) => noise(at) * scale),
    dims,
  );
const feeds: Record<string, Tensor> = {
  a0: filled(deepInput, 1),
  learning_rate: new Tensor('float32', Float32Array.of(0.01), []),
};
for (const [name, dims] of Object.entries(deepParameters)) feeds[name] = filled(dims, 0.15);
// Where it can, the peak begins anew.
try {
  writeFileSync('/proc/self/clear_refs', '5');
} catch {}
const idleBytes = peakBytes();
const results = await session.run(feeds);
const stepBytes = peakBytes() - idleBytes;
const loss = (results.loss!.data as Float32Array)[0]!;
const start = performance.now();
for (let step = 0; step < 3; step++) await session.run(feeds);
process.stdout.write(JSON.stringify({ stepBytes, loss, ms: (performance.now() - start) / 3 }));
