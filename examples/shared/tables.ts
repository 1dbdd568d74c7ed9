// What each peer did, and what crossed.

import type { PeerStats } from 'bytesandbrains/host';
import type { Plan } from 'bytesandbrains/ir';

export function printPeers(plan: Plan, stats: Readonly<Record<string, PeerStats>>): void {
  const rows = Object.values(plan.programs).flatMap(({ peers, weightBytes }) =>
    peers.map((peer) => {
      const { ops, computeMs, sentBytes, receivedBytes } = stats[peer]!;
      return [peer, ops, bytes(weightBytes), computeMs.toFixed(1), bytes(sentBytes), bytes(receivedBytes)];
    }),
  );
  print(['peer', 'ops', 'weights', 'compute ms', 'sent', 'received'], rows);
}

export function printEdges(plan: Plan): void {
  const rows = plan.edges.map((edge) => [
    edge.id,
    edge.from.class,
    edge.to.class,
    edge.value,
    `${edge.dtype}[${edge.shape?.join(', ')}]`,
    edge.bytes === null ? '–' : bytes(edge.bytes),
    `${(edge.deadlineNs / 1e9).toFixed(1)} s`,
  ]);
  print(['edge', 'from', 'to', 'value', 'type', 'bytes', 'deadline'], rows);
}

const bytes = (count: number): string => (count < 1024 ? `${count} B` : `${(count / 1024).toFixed(0)} KiB`);

function print(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [titles, ...rows].map((row) => row.map(String));
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  }
}
