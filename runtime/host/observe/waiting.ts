// What peers wait for, as data that goes over wires and as lines for people.

import { flowKey } from '../../flow-id.ts';
import type { Waiting } from '../../waiting.ts';
import { type WaitKind, waitsOf } from './waits.ts';

/** A wait as seen from now, without the peer's clock. */
export interface WaitReport {
  /** Who waits. */
  readonly peer: string;
  readonly kind: WaitKind;
  readonly flow?: string;
  readonly seat?: string;
  readonly name: string;
  readonly at?: string;
  readonly edge?: number;
  readonly from?: readonly string[];
  /** The flow that has what it waits for. */
  readonly behind?: string;
  readonly count?: number;
  readonly forMs?: number;
  readonly leftMs?: number;
}

const msBetween = (from: number, to: number): number => Math.max(0, Math.round((to - from) / 1e6));

export const reportsOf = (peer: string, waiting: Waiting, nowNs: number): readonly WaitReport[] =>
  waitsOf(waiting).map(({ flow, seat, at, behind, sinceNs, untilNs, ...same }) => ({
    peer,
    ...same,
    ...(flow !== undefined && { flow: flowKey(flow) }),
    ...(seat !== '' && { seat }),
    ...(at !== undefined && { at }),
    ...(behind !== undefined && { behind: flowKey(behind) }),
    ...(sinceNs !== undefined && { forMs: msBetween(sinceNs, nowNs) }),
    ...(untilNs !== undefined && Number.isFinite(untilNs) && { leftMs: msBetween(nowNs, untilNs) }),
  }));

/** A cohort may be long. */
const MAX_NAMES = 5;

function peersText(peers: readonly string[] | undefined): string {
  if (peers === undefined) return 'peers that are not known yet';
  const more = peers.length - MAX_NAMES;
  return [...peers.slice(0, MAX_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function whatText({ kind, name, at, from, edge, behind, count = 1 }: WaitReport): string {
  const here = at === undefined ? '' : ` (${at})`;
  const over = edge === undefined ? '' : ` over edge ${edge}`;
  switch (kind) {
    case 'input':
      return `input ${name}`;
    case 'value':
      return `${name}${here} from ${peersText(from)}${over}`;
    case 'answers':
      return `answers of ${peersText(from)} to ${name}${here}${over}`;
    case 'segment':
      return `${name}, which is being computed`;
    case 'component':
      return `component ${name} to answer`;
    case 'state':
      return `state ${name}, which flow ${behind} has claimed`;
    case 'turn':
      return `${count === 1 ? 'its turn' : 'their turns'}${behind === undefined ? '' : ` behind flow ${behind}`}`;
  }
}

const secondsText = (ms: number): string => `${Number((ms / 1e3).toPrecision(3))} s`;

/** `server: flow server:1:4 waits for gradient (model.ts:9:20) from phone/3 over edge 1, for 4.2 s, at most 5.8 s more` */
export function waitText(report: WaitReport): string {
  const { peer, kind, name, flow, seat, count = 1, forMs, leftMs } = report;
  const place = seat === undefined ? '' : ` in ${seat}`;
  const turns = count === 1 ? `a flow of ${name} waits` : `${count} flows of ${name} wait`;
  const who = kind === 'turn' ? turns : `flow ${flow}${place} waits`;
  const since = forMs === undefined ? '' : `, for ${secondsText(forMs)}`;
  const until = leftMs === undefined ? '' : `, at most ${secondsText(leftMs)} more`;
  return `${peer}: ${who} for ${whatText(report)}${since}${until}`;
}

/** Those that nothing shown explains come first: what is waited for at another peer waits for something itself. */
export function rootsFirst(reports: readonly WaitReport[]): readonly WaitReport[] {
  const waiting = new Set(reports.map(({ peer, flow }) => `${peer} ${flow}`));
  const rank = ({ kind, flow, from }: WaitReport): number => {
    if (kind === 'turn' || kind === 'state') return 3;
    // Of nobody else.
    if (from === undefined) return kind === 'answers' || kind === 'value' ? 2 : 0;
    return from.every((peer) => waiting.has(`${peer} ${flow}`)) ? 2 : 1;
  };
  return [...reports].sort((a, b) => rank(a) - rank(b) || (b.forMs ?? 0) - (a.forMs ?? 0));
}

/** A line each, the causes first; no more than `most`. */
export function waitLines(reports: readonly WaitReport[], most = 20): readonly string[] {
  const lines = rootsFirst(reports).slice(0, most).map(waitText);
  return reports.length > most ? [...lines, `and ${reports.length - most} more`] : lines;
}
