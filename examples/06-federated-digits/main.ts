// The host's side: ten phones and a server in one process, round after round.
//
//   main.ts DEPLOYMENT [--topology FILE] [--seed N] [--flows N] [--plot curves.html]

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
  options: {
    topology: { type: 'string', default: fileURLToPath(new URL('topology.json', import.meta.url)) },
    seed: { type: 'string', default: '1' },
    flows: { type: 'string' },
    plot: { type: 'string' },
  },
});
const [deploymentFolder = 'deployment'] = positionals;

const { peers, folder } = await peersWithData(
  await loadDeployment(deploymentFolder),
  options.topology,
  Number(options.seed),
);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({ peers, backend });

const accuracies: [round: number, share: number][] = [];
let sent = 0;

function note({ outputs, peers: accounts, causes }: FlowResult): void {
  const value = outputs.accuracy;
  if (value === undefined || !('bytes' in value)) throw new Error(`no accuracy: ${JSON.stringify(causes)}`);
  const share = new DataView(value.bytes.buffer, value.bytes.byteOffset).getFloat32(0, true);
  const bytes = Object.values(accounts).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  sent += bytes;
  accuracies.push([accuracies.length + 1, share]);
  console.log(
    `round ${accuracies.length}  test digits read rightly: ${(100 * share).toFixed(2)} %  ${(bytes / 2 ** 20).toFixed(1)} MiB sent`,
  );
}

try {
  const flows = options.flows === undefined ? {} : { flows: Number(options.flows) };
  await deployment.invoke({}, { ...flows, onFlow: note });
  console.log(`${accuracies.length} rounds, ${(sent / 2 ** 20).toFixed(1)} MiB sent`);
  if (options.plot !== undefined)
    writeFileSync(
      options.plot,
      pageOf('06-federated-digits', [{ name: 'share of test digits read rightly', points: accuracies }]),
    );
} finally {
  await deployment.close();
  await backend.close();
  await folder.close();
}
