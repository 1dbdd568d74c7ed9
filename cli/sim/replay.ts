// What bbc replay does: runs a recorded simulation again, and holds each event against its record.

import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import { waitLines } from '../../runtime/host/observe/waiting.ts';
import { digestOf } from '../../runtime/host/sim/digest.ts';
import { Comparer, type Divergence, Recorder } from '../../runtime/host/sim/record.ts';
import { waitingIn } from '../../runtime/host/sim/waits.ts';
import { encodeRecord } from '../../runtime/journal/index.ts';
import { isMissing } from '../../runtime/value.ts';
import type { CommandContext } from '../context.ts';
import { countOf } from '../run/options.ts';
import { openRecord } from './record-file.ts';
import { timeText } from './report.ts';
import { onStage, perform, type Settings, type Stage } from './simulate.ts';

export interface ReplayOptions {
  readonly source?: string;
  readonly peers?: string;
  readonly topology?: string;
  readonly until?: string;
  readonly check: boolean;
}

/** Ends a run where it was asked to, or where going on says no more. */
class Stop extends Error {}

export async function replay(cx: CommandContext, file: string, options: ReplayOptions): Promise<void> {
  const until = options.until === undefined ? undefined : countOf('--until', options.until, 0);
  const record = openRecord(file);
  const { source, peers, topology } = options;
  const settings: Settings = {
    ...record.settings,
    ...(source !== undefined && { source }),
    ...(peers !== undefined && { peers, topology: undefined }),
    ...(topology !== undefined && { topology, peers: undefined }),
  };
  const { header } = record;
  const comparer = new Comparer(record);
  await onStage(
    cx,
    settings,
    options.check,
    () => header.inputs,
    async (stage) => {
      const { deployment } = stage.deployment.plan;
      if (deployment !== header.deployment)
        throw new DiagnosticError(
          diagnostic('BB792', { recorded: header.deployment, now: deployment }, { at: { file } }),
        );
      stage.world.observers.push(
        new Recorder(header.compact, (payload) => {
          comparer.add(payload);
          if (comparer.divergence !== undefined || comparer.same === until) throw new Stop();
        }),
      );
      try {
        await perform(cx, stage);
      } catch (error) {
        // What ended the recorded run ends this one, too.
        if (!(error instanceof Stop || error instanceof DiagnosticError)) throw error;
      }
      if (until === undefined) comparer.end();
      const { divergence, same } = comparer;
      const state = until === undefined || divergence !== undefined ? undefined : stateOf(stage);
      cx.result({
        events: same,
        virtualNs: stage.world.now,
        divergence: divergence === undefined ? null : documentOfDivergence(divergence),
        ...(state && { state }),
      });
      if (state !== undefined) printState(cx, same, state);
      else if (divergence === undefined)
        cx.print(`${same} events as recorded, ${timeText(stage.world.now)} of virtual time`);
      else cx.report([diagnosticOf(divergence, file)]);
    },
  );
}

const eventText = (one: Divergence['replayed'] | Divergence['recorded']): string => {
  if (one === undefined) return 'nothing more';
  if (typeof one === 'string') return one;
  if ('damaged' in one) return `damaged, digest ${one.damaged}`;
  const { at, kind, peer, what, digest } = one;
  return `${what ?? `${kind} at ${peer}`} at ${at} ns, digest ${digest}`;
};

const diagnosticOf = ({ event, recorded, replayed }: Divergence, file: string) =>
  diagnostic(
    'BB793',
    { event, recorded: eventText(recorded), replayed: eventText(replayed) },
    { at: { file } },
  );

const documentOfDivergence = ({ event, recorded, replayed }: Divergence) => {
  const short = (one: typeof recorded | typeof replayed) => {
    if (one === undefined || typeof one === 'string' || 'damaged' in one) return one ?? null;
    const { at, kind, peer, what, digest } = one;
    return { at, kind, ...(peer !== undefined && { peer }), ...(what !== undefined && { what }), digest };
  };
  return { event, recorded: short(recorded), replayed: short(replayed) };
};

/** Peers as they are: whether they are there, what they hold and what is open. */
function stateOf({ world }: Stage) {
  const peers = [...world.peers.values()].map(({ id, node, incarnation, open }) => ({
    peer: id,
    incarnation,
    up: node !== undefined,
    usage: node?.usage ?? null,
    open: [...open].map(([flow, since]) => ({ flow, sinceNs: since })),
    state: Object.fromEntries(
      [...(node?.state ?? [])].map(([key, value]) => [
        key,
        isMissing(value) ? value.reason : digestOf(encodeRecord(value)),
      ]),
    ),
  }));
  return { atNs: world.now, pending: world.pending, waits: waitingIn(world), peers };
}

function printState(cx: CommandContext, events: number, state: ReturnType<typeof stateOf>): void {
  cx.print(`after ${events} events, at ${timeText(state.atNs)} of virtual time; ${state.pending} to come`);
  cx.print();
  cx.printTable(
    ['peer', 'node', { title: 'open flows', align: 'right' }, { title: 'bytes', align: 'right' }, 'state'],
    state.peers.map(({ peer, up, incarnation, open, usage, state: held }) => [
      peer,
      up ? `up, start ${incarnation}` : 'down',
      open.length,
      usage?.bytes ?? 0,
      Object.entries(held)
        .map(([key, digest]) => `${key} ${digest.slice(0, 8)}`)
        .join(', ') || '–',
    ]),
  );
  if (state.waits.length > 0) {
    cx.print();
    for (const line of waitLines(state.waits)) cx.print(`waits: ${line}`);
  }
}
