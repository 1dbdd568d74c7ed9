// What a bundle or a deployment says of itself, after its hashes were checked.

import type { Port } from '../../ir/index.ts';
import { loadBundle, loadDeployment } from '../../runtime/host/node-bundle.ts';
import type { CommandContext } from '../context.ts';
import { formatBytes, formatNs } from '../output.ts';
import { formatPort, printEdges, printPlan } from '../plan.ts';

export async function inspectPlan(cx: CommandContext, folder: string): Promise<void> {
  const { plan } = await loadDeployment(folder);
  cx.result(plan);
  cx.print(`${cx.colours.bold(folder)}  deployment ${plan.deployment}`);
  printPlan(cx, plan);
}

export async function inspectBundle(cx: CommandContext, folder: string): Promise<void> {
  const { manifest } = await loadBundle(folder);
  cx.result(manifest);
  const { files, memory } = manifest;
  cx.print(`${cx.colours.bold(folder)}  program ${manifest.program} of class ${manifest.class}`);
  cx.print(`peers ${manifest.members[manifest.class]?.join(', ')}`);
  cx.print(
    `program.onnx ${formatBytes(files.program.bytes)}, weights ${formatBytes(files.weights?.bytes ?? 0)}`,
  );
  const { activationBytes, openBecause } = memory;
  const unknown = openBecause === undefined ? 'not known' : `not known: ${openBecause}`;
  cx.print(`activations ${formatBytes(activationBytes) ?? unknown}`);
  cx.print();
  const ports = (title: string, list: readonly Port[]): void => {
    if (list.length > 0)
      cx.printTable(
        [title, 'type'],
        list.map((port) => [port.name, formatPort(port)]),
      );
  };
  ports('inputs', manifest.inputs);
  ports('outputs', manifest.outputs);
  cx.printTable(['op', { title: 'count', align: 'right' }], Object.entries(manifest.ops));
  cx.print();
  printEdges(cx, [...manifest.edgesIn, ...manifest.edgesOut]);
  for (const { key, dtype, shape } of manifest.state) {
    cx.print(`state ${key}: ${formatPort({ dtype, shape })}`);
  }
  const slowest = Math.max(0, ...manifest.edgesIn.map(({ deadlineNs }) => deadlineNs));
  if (slowest > 0) cx.print(`waits at most ${formatNs(slowest)}`);
}
