// The host's side: feeds a recording to the microphone frame by frame, as it would come, and prints when somebody
// speaks. What the detector remembers between frames stays on the hub.

import { fileURLToPath } from 'node:url';
import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';
import { printEdges } from '../shared/tables.ts';
import { readWav } from '../shared/wav.ts';
import { FRAME, framesOf, SAMPLE_RATE } from './frame.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const [deploymentFolder = 'deployment', wav = here('../shared/sounds/morning.wav')] = process.argv.slice(2);

const { plan, bundles } = await loadDeployment(deploymentFolder);
const peers = Object.entries(plan.programs).flatMap(([program, { peers }]) =>
  peers.map((id) => ({ id, bundle: bundles.get(program)! })),
);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({ peers, backend });
const seconds = (frame: number): string => `${((frame * FRAME) / SAMPLE_RATE).toFixed(2)} s`;
try {
  let since: number | undefined;
  const frames = framesOf(readWav(wav, SAMPLE_RATE));
  for (const [index, frame] of frames.entries()) {
    const bytes = new Uint8Array(frame.buffer);
    const result = await deployment.invoke({ frame: { dtype: 'int16', dims: [1, FRAME], bytes } });
    const { speaking } = result.outputs;
    if (speaking === undefined || !('bytes' in speaking)) {
      throw new Error(`no result: ${result.causes.map((cause) => JSON.stringify(cause)).join(', ')}`);
    }
    const now = speaking.bytes[0] === 1;
    if (now) since ??= index;
    if (since !== undefined && (!now || index === frames.length - 1)) {
      console.log(`speech from ${seconds(since)} to ${seconds(now ? index + 1 : index)}`);
      since = undefined;
    }
  }
  console.log(`${frames.length} flows, one per frame of ${(1000 * FRAME) / SAMPLE_RATE} ms\n`);
  printEdges(plan);
} finally {
  await deployment.close();
  await backend.close();
}
