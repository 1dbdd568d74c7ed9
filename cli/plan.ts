// A plan as tables.

import { type Edge, type End, formatType, type Plan, type Port, typeOfPort } from '../ir/index.ts';
import type { CommandContext } from './context.ts';
import { formatBytes, formatCount, formatNs } from './output.ts';

export const formatPort = (port: Pick<Port, 'dtype' | 'shape' | 'type'>): string =>
  formatType(typeOfPort(port));

export const formatEnd = ({ class: name, binder }: End): string =>
  binder === 'single' ? name : `${name}.${binder}`;

export function printPlan(cx: CommandContext, plan: Plan): void {
  cx.printTable(
    [
      'program',
      'peers',
      { title: 'ops', align: 'right' },
      { title: 'weights', align: 'right' },
      { title: 'memory', align: 'right' },
    ],
    Object.entries(plan.programs).map(([name, { peers, ops, weightBytes, memory }]) => [
      name,
      peers.length > 3 ? `${peers[0]} … ${peers.at(-1)} (${peers.length})` : peers.join(', '),
      ops,
      formatBytes(weightBytes),
      memory.activationBytes === null
        ? null
        : formatBytes(memory.weightBytes + memory.stateBytes + memory.activationBytes),
    ]),
  );
  if (plan.edges.length > 0) cx.print();
  printEdges(cx, plan.edges);
  const { flops, latencyNs, bytes } = plan.estimate;
  cx.print();
  cx.print(
    `estimate: ${formatCount(flops) ?? '–'} operations, ${formatBytes(bytes) ?? '–'} over edges, ${formatNs(latencyNs) ?? '–'} per flow`,
  );
}

export function printEdges(cx: CommandContext, edges: readonly Edge[]): void {
  if (edges.length === 0) return;
  cx.printTable(
    [
      { title: 'edge', align: 'right' },
      'from',
      'to',
      'value',
      'type',
      { title: 'bytes', align: 'right' },
      { title: 'deadline', align: 'right' },
    ],
    edges.map((edge) => [
      edge.id,
      formatEnd(edge.from),
      formatEnd(edge.to),
      edge.kind === 'trigger' ? '(trigger)' : edge.value,
      edge.kind === 'trigger' ? null : formatPort(edge),
      formatBytes(edge.bytes),
      formatNs(edge.deadlineNs),
    ]),
  );
}
