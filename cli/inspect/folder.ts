// What a bundle or a deployment says of itself, after its hashes were checked.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Manifest, Plan, Port } from '../../ir/index.ts';
import { loadBundle, loadDeployment } from '../../runtime/host/node-bundle.ts';
import type { CommandContext } from '../context.ts';
import { formatBytes, formatNs } from '../output.ts';
import { formatPort, printEdges, printPlan } from '../plan.ts';

export function inspectPlan(cx: CommandContext, folder: string): void {
  loadDeployment(folder);
  const plan = JSON.parse(readFileSync(path.join(folder, 'plan.json'), 'utf8')) as Plan;
  cx.result(plan);
  cx.print(`${cx.colours.bold(folder)}  deployment ${plan.deployment}`);
  printPlan(cx, plan);
}

export function inspectBundle(cx: CommandContext, folder: string): void {
  loadBundle(folder);
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
  cx.result(manifest);
  const { files, memory } = manifest;
  cx.print(`${cx.colours.bold(folder)}  program ${manifest.program} of class ${manifest.class}`);
  cx.print(`peers ${manifest.members[manifest.class]?.join(', ')}`);
  cx.print(
    `program.onnx ${formatBytes(files.program.bytes)}, weights ${formatBytes(files.weights?.bytes ?? 0)}`,
  );
  cx.print(`activations ${formatBytes(memory.activationBytes) ?? 'not known'}`);
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
