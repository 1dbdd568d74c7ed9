// The host's side: opens the data that topology.json names, starts the session, and shows how it goes.
//
//   main.ts DEPLOYMENT [--flows N] [--plot curves.html]

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { type FlowResult, startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';
import { peersWithData } from '../shared/data.ts';
import { pageOf } from '../shared/plot.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { flows: { type: 'string' }, plot: { type: 'string' } },
});
const [deploymentFolder = 'deployment'] = positionals;

const topology = fileURLToPath(new URL('topology.json', import.meta.url));
const { peers, folder } = await peersWithData(await loadDeployment(deploymentFolder), topology);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({ peers, backend });

const numberOf = ({ outputs, causes }: FlowResult, name: string): number => {
  const value = outputs[name];
  if (value === undefined || !('bytes' in value)) throw new Error(`no ${name}: ${JSON.stringify(causes)}`);
  return new DataView(value.bytes.buffer, value.bytes.byteOffset).getFloat32(0, true);
};

/** How many steps one line is about. */
const WINDOW = 20;
const losses: [step: number, loss: number][] = [];
const accuracies: [step: number, share: number][] = [];
let recent = { loss: 0, right: 0, steps: 0 };

function note(result: FlowResult): void {
  const step = losses.length + 1;
  const [loss, share] = [numberOf(result, 'loss'), numberOf(result, 'accuracy')];
  losses.push([step, loss]);
  recent = {
    loss: recent.loss + loss,
    right: recent.right + numberOf(result, 'right'),
    steps: recent.steps + 1,
  };
  if (recent.steps === WINDOW) {
    const { loss: sum, right } = recent;
    console.log(`step ${step}  loss ${(sum / WINDOW).toFixed(4)}  right ${percent(right / WINDOW)}`);
    recent = { loss: 0, right: 0, steps: 0 };
  }
  if (share !== (accuracies.at(-1)?.[1] ?? 0)) {
    accuracies.push([step, share]);
    console.log(`step ${step}  test digits read rightly: ${percent(share)}`);
  }
}
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

try {
  const flows = options.flows === undefined ? {} : { flows: Number(options.flows) };
  await deployment.invoke({}, { ...flows, onFlow: note });
  console.log(`${losses.length} steps, last loss ${losses.at(-1)![1].toFixed(4)}, 0 bytes sent`);
  if (options.plot !== undefined) {
    const curves = [{ name: 'loss', points: losses }];
    if (accuracies.length > 0) curves.push({ name: 'share of test digits read rightly', points: accuracies });
    writeFileSync(options.plot, pageOf('05-digits', curves));
  }
} finally {
  await deployment.close();
  await backend.close();
  await folder.close();
}
