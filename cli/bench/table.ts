// What a comparison came to, for people and for programs.

import type { CommandContext } from '../context.ts';
import { formatBytes } from '../output.ts';
import type { Comparison } from './bench.ts';
import { titles } from './codecs.ts';
import { local } from './entrants.ts';
import type { Cast, Result, Sent } from './run.ts';

export interface Traffic {
  /** Means over clients, of the whole run. */
  readonly sentByClient: number;
  readonly gotByClient: number;
  /** Sent and got by the peer that has most of it. */
  readonly mostAtAPeer: number;
  readonly busiest: string;
  /** The mean over links that were used, a direction each. */
  readonly perLink: number;
  readonly links: number;
  readonly total: number;
}

export function trafficOf(links: readonly Sent[], { clients }: Pick<Cast, 'clients'>): Traffic {
  const peers = new Map<string, { sent: number; got: number }>();
  const at = (id: string) => {
    const known = peers.get(id) ?? { sent: 0, got: 0 };
    peers.set(id, known);
    return known;
  };
  for (const { from, to, bytes } of links) {
    at(from).sent += bytes;
    at(to).got += bytes;
  }
  const mean = (of: 'sent' | 'got'): number =>
    clients.members.reduce((sum, id) => sum + at(id)[of], 0) / clients.members.length;
  const total = links.reduce((sum, { bytes }) => sum + bytes, 0);
  const [sentByClient, gotByClient] = [mean('sent'), mean('got')];
  let [busiest, most] = ['', -1];
  for (const [id, { sent, got }] of peers) if (sent + got > most) [busiest, most] = [id, sent + got];
  return {
    ...{ sentByClient, gotByClient, mostAtAPeer: most, busiest },
    ...{ perLink: total / links.length, links: links.length, total },
  };
}

const percent = (share: number): string => (100 * share).toFixed(1);
const timeText = (seconds: number): string => `${Number(seconds.toPrecision(4))} s`;

export const columns = [
  'strategy',
  'codec',
  'accuracy %',
  'own kinds %',
  'rounds',
  'sent/client',
  'got/client',
  'per link',
  'most at a peer',
  'time',
  'ε',
] as const;

/** Cells of a row, in the order of {@link columns}; undefined: there is no such thing. */
export function rowOf(
  { strategy, codec, at, reached, points, epsilon }: Omit<Result, 'links'>,
  { sentByClient, gotByClient, perLink, mostAtAPeer }: Traffic,
): readonly (string | undefined)[] {
  // Links are counted to the end; where a target was reached before, as much of that as its flows have of all flows'.
  const share = at.bytes / points.at(-1)!.bytes;
  const bytes = (count: number): string | undefined => formatBytes(Math.round(count * share)) ?? undefined;
  return [
    strategy,
    titles[codec],
    percent(at.accuracy),
    percent(at.own),
    reached === false ? undefined : String(Number(at.round.toPrecision(4))),
    ...[sentByClient, gotByClient, perLink, mostAtAPeer].map(bytes),
    timeText(at.seconds),
    epsilon?.toFixed(2),
  ];
}

export function printTable(cx: CommandContext, { results, leftOut, cast, settings }: Comparison): void {
  const { clients } = cast;
  cx.print(
    `${clients.members.length} of class ${clients.name}, kinds of digits by Dirichlet ${settings.alpha}, ${settings.rounds} rounds of ${local.steps} steps, seed ${settings.seed}`,
  );
  cx.print();
  cx.printTable(
    columns.map((title, at) => (at < 2 ? title : { title, align: 'right' })),
    results.map((one) => rowOf(one, trafficOf(one.links, cast))),
  );
  cx.print();
  for (const [why, all] of groupsOf(leftOut)) cx.print(`not run: ${all.join('; ')}: ${why}`);
}

/** Strategies by why they were left out. */
export function groupsOf(leftOut: Comparison['leftOut']): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { strategy, codec, why } of leftOut)
    groups.set(why, [...(groups.get(why) ?? []), `${strategy} in ${codec}`]);
  return groups;
}

export function documentOf({ settings, cast, results, leftOut }: Comparison) {
  const { target, ...others } = settings;
  return {
    model: 'digits',
    settings: { ...others, target: target ?? null },
    clients: cast.clients.members.length,
    results: results.map((one) => ({
      ...one,
      reached: one.reached ?? null,
      epsilon: one.epsilon ?? null,
      traffic: trafficOf(one.links, cast),
    })),
    leftOut,
  };
}
