// The host's side: cuts a recording of any length into clips of three seconds, runs a flow for each, and prints how
// sure the server was at each moment.

import { fileURLToPath } from 'node:url';
import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';
import { printEdges } from '../shared/tables.ts';
import { readWav } from '../shared/wav.ts';
import { clipsOf, SAMPLE_RATE, SAMPLES, SCORES, timeOfScore } from './clip.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const [deploymentFolder = 'deployment', wav = here('../shared/sounds/morning.wav')] = process.argv.slice(2);

const { plan, bundles } = await loadDeployment(deploymentFolder);
const peers = Object.entries(plan.programs).flatMap(([program, { peers }]) =>
  peers.map((id) => ({ id, bundle: bundles.get(program)! })),
);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({ peers, backend });
try {
  const scores: number[] = [];
  for (const clip of clipsOf(readWav(wav, SAMPLE_RATE))) {
    const bytes = new Uint8Array(clip.buffer);
    const result = await deployment.invoke({ sound: { dtype: 'int16', dims: [1, SAMPLES], bytes } });
    const { scores: value } = result.outputs;
    if (value === undefined || !('bytes' in value)) {
      throw new Error(`no result: ${result.causes.map((cause) => JSON.stringify(cause)).join(', ')}`);
    }
    scores.push(...new Float32Array(value.bytes.slice().buffer, 0, SCORES));
  }
  scores.forEach((score, index) => {
    const bar = '#'.repeat(Math.round(score * 40));
    console.log(`${timeOfScore(index).toFixed(2)} s  ${score.toFixed(2)}  ${bar}`.trimEnd());
  });
  const highest = Math.max(...scores);
  const when = timeOfScore(scores.indexOf(highest)).toFixed(2);
  console.log(
    highest >= 0.5 ? `\n"hey Jarvis", ${highest.toFixed(2)} sure at ${when} s\n` : '\nnobody said it\n',
  );
  printEdges(plan);
} finally {
  await deployment.close();
  await backend.close();
}
