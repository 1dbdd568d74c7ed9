// A plan as tables.

import {
  type Edge,
  type End,
  formatType,
  type Plan,
  type Port,
  RAW,
  type Traffic,
  typeOfPort,
} from '../ir/index.ts';
import type { CommandContext } from './context.ts';
import { formatBytes, formatCount, formatNs } from './output.ts';
import { plannedText } from './run/traffic.ts';

export const formatPort = (port: Pick<Port, 'dtype' | 'shape' | 'type'>): string =>
  formatType(typeOfPort(port));

/** `server`, `phone.each`, or the seat of a class that has several: `phone round/some.0`. */
export const formatEnd = ({ class: name, binder, seat }: End): string =>
  seat !== undefined ? `${name} ${seat}` : binder === 'single' ? name : `${name}.${binder}`;

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
  for (const [name, { memory }] of Object.entries(plan.programs))
    if (memory.openBecause !== undefined) cx.print(`memory of ${name} is not known: ${memory.openBecause}`);
  if (plan.edges.length > 0) cx.print();
  printEdges(cx, plan.edges);
  if (plan.traffic !== undefined) printTraffic(cx, plan.traffic);
  const { flops, latencyNs } = plan.estimate;
  cx.print();
  cx.print(`estimate: ${formatCount(flops) ?? '–'} operations, ${formatNs(latencyNs) ?? '–'} per flow`);
}

/** `0–3, 5` */
function rangesText(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range?.[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(', ');
}

function printTraffic(cx: CommandContext, { messages, total }: Traffic): void {
  if (messages.length === 0) return;
  const right = (title: string) => ({ title, align: 'right' }) as const;
  cx.print();
  cx.printTable(
    ['message', 'from', 'to', right('times'), right('payload B each'), right('headers B each')],
    messages.map((one) => [
      `edge ${rangesText(one.edges)}`,
      formatEnd(one.from),
      formatEnd(one.to),
      one.count,
      one.mayDecline && one.payloadBytes !== null ? `≤ ${one.payloadBytes}` : one.payloadBytes,
      one.headerBytes === null ? null : `≤ ${one.headerBytes}`,
    ]),
  );
  const mayDecline = messages.some((one) => one.mayDecline);
  cx.print();
  cx.print(`per flow: ${plannedText({ ...total, mayDecline })}`);
}

export function printEdges(cx: CommandContext, edges: readonly Edge[]): void {
  if (edges.length === 0) return;
  const coded = edges.some(({ codec }) => codec !== RAW);
  cx.printTable(
    [
      { title: 'edge', align: 'right' },
      'from',
      'to',
      'value',
      'type',
      ...(coded ? ['codec'] : []),
      { title: 'bytes', align: 'right' },
      { title: 'deadline', align: 'right' },
    ],
    edges.map((edge) => [
      edge.id,
      formatEnd(edge.from),
      formatEnd(edge.to),
      edge.kind === 'trigger' ? '(trigger)' : edge.value,
      edge.kind === 'trigger' ? null : formatPort(edge),
      ...(coded ? [edge.codec === RAW ? null : edge.codec] : []),
      formatBytes(edge.bytes),
      formatNs(edge.deadlineNs),
    ]),
  );
}
