// What came of a simulation, for people and for programs.

import type { CommandContext } from '../context.ts';
import { formatBytes } from '../output.ts';
import { lateText } from '../run/answers.ts';
import type { Ran } from '../run/flows.ts';
import { documentOfOutput, sha256Of, typeTextOf } from '../run/outputs.ts';
import { printRounds } from '../run/rounds.ts';
import { sentInAll, sentText } from '../run/traffic.ts';
import type { Stage } from './simulate.ts';

export function documentOf({ world, sessions, settings }: Stage, ran: Ran) {
  const outputs = Object.fromEntries([...ran.outputs].map(([name, one]) => [name, documentOfOutput(one)]));
  const { rounds, peers, links, overhead, answers } = ran;
  return {
    outputs,
    flows: rounds.length,
    ...(sessions && { rounds, late: answers.late }),
    seed: settings.seed,
    virtualNs: world.now,
    events: world.events,
    peers,
    traffic: { sent: sentInAll(links), links, overhead, frames: world.traffic },
  };
}

/** More rows say no more. */
const MAX_PEERS = 24;

export function printReport(cx: CommandContext, stage: Stage, ran: Ran): void {
  const { world, sessions, settings, deployment } = stage;
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const peers = Object.entries(ran.peers);
  cx.printTable(
    [
      'peer',
      right('ops'),
      right('compute'),
      right('messages'),
      right('sent'),
      right('messages'),
      right('received'),
    ],
    peers
      .slice(0, MAX_PEERS)
      .map(([name, one]) => [
        name,
        one.ops,
        timeText(one.computeMs * 1e6),
        one.sentMessages,
        formatBytes(one.sentBytes),
        one.receivedMessages,
        formatBytes(one.receivedBytes),
      ]),
  );
  if (peers.length > MAX_PEERS) cx.print(`and ${peers.length - MAX_PEERS} more`);
  cx.print();
  if (sessions) printRounds(cx, ran.rounds);
  cx.printTable(
    ['output', 'type', 'sha256'],
    [...ran.outputs].map(([name, one]) => [name, typeTextOf(one), sha256Of(one).slice(0, 16)]),
  );
  cx.print();
  const flows = ran.rounds.length;
  cx.print(
    `${flows} ${flows === 1 ? 'flow' : 'flows'} in ${timeText(world.now)} of virtual time: ${world.events} events, seed ${settings.seed}`,
  );
  if (deployment.plan.edges.length > 0) {
    cx.print(`sent: ${sentText(sentInAll(ran.links))}`);
    const { sent, copied, delivered, dropped } = world.traffic;
    const lost = dropped.frames === 0 ? '' : `, ${dropped.frames} dropped`;
    cx.print(`frames: ${sent.frames + copied.frames} sent, ${delivered.frames} delivered${lost}`);
  }
  const late = lateText(ran.answers.late);
  if (late !== undefined) cx.print(late);
}

/** `1.25 s`, `40 ms`, `3.1 µs` */
export function timeText(ns: number): string {
  const short = (value: number): string => String(Number(value.toPrecision(4)));
  if (ns >= 1e9) return `${short(ns / 1e9)} s`;
  return ns >= 1e6 ? `${short(ns / 1e6)} ms` : `${short(ns / 1e3)} µs`;
}
