// Runs a deployment on this machine, flow after flow, and adds up what its peers did.

import {
  CORE,
  type DataValue,
  type Diagnostic,
  DiagnosticError,
  DOMAIN,
  diagnostic,
  elementCount,
  isTensor,
} from '../../ir/index.ts';
import { noStats } from '../../runtime/host/flow-result.ts';
import type {
  Deployment,
  FlowResult,
  LateCounts,
  Overhead,
  Pause,
  PeerStats,
  PeerValues,
  QuorumMissed,
} from '../../runtime/host/index.ts';
import { type LoadedDeployment, peersOf } from '../../runtime/host/node-bundle.ts';
import { causeText } from '../../runtime/host/observe/cause-text.ts';
import { sumOfOverheads } from '../../runtime/host/overhead.ts';
import { isMissing } from '../../runtime/value.ts';
import { elementsOf } from '../tensors/elements.ts';
import { Answers, positionIn, quorumProblems } from './answers.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Reason, reasonsOf } from './reasons.ts';
import { type LinkSent, SentSums, sentInAll } from './traffic.ts';

export interface Ran {
  /** Of the last flow; an output of a cohort as `NAME@PEER`. */
  readonly outputs: ReadonlyMap<string, DataValue>;
  /** One for each flow, in the order in which they ended. */
  readonly rounds: readonly Round[];
  /** What became of the collects of all flows. */
  readonly answers: Answers;
  /** Sums over all flows. */
  readonly peers: Readonly<Record<string, Readonly<PeerStats>>>;
  readonly links: readonly LinkSent[];
  readonly overhead: Readonly<Overhead>;
  /** From the first invocation to the last result. */
  readonly elapsedMs: number;
}

/** Scalars that came out of one flow of a session. */
export interface Round {
  readonly step: number;
  readonly status: FlowResult['status'];
  /** Numbers by output; null where none came out, or none that JSON has. */
  readonly outputs: Readonly<Record<string, number | null>>;
  readonly messages: number;
  readonly payloadBytes: number;
  /** Headers included. */
  readonly sentBytes: number;
  /** Collects that got too few answers. */
  readonly quorums: readonly Pick<QuorumMissed, 'peer' | 'collect' | 'at' | 'arrived' | 'needed' | 'known'>[];
  readonly late: LateCounts;
  /** Why it is not complete. */
  readonly reasons: readonly Reason[];
}

/** How a run goes on from an earlier one, and what is kept of it. */
export interface Keeping {
  readonly resume?: Checkpoint;
  /** Told what to keep, after each `every` flows, and at the end. */
  readonly save?: (checkpoint: Checkpoint) => void;
  readonly every?: number;
  /** The entry that is called. Default: the only one that nothing else starts, or `main`. */
  readonly entry?: string;
  /** An output may be missing: no error, it is just not there. */
  readonly mayMiss?: boolean;
  /** Whether to end after the flow that is open. */
  readonly stopped: () => boolean;
  /** Lets Ctrl-C be what it was. */
  readonly dispose?: () => void;
}

/** Whether flows start flows: then one call is a run of many. */
export const hasSessions = ({ bundles }: LoadedDeployment): boolean =>
  [...bundles.values()].some(({ manifest }) => `${DOMAIN.core}::${CORE.next}` in manifest.ops);

/**
 * Calls the module `flows` times, by default once; one that starts flows of its own, once, for at most so many. Throws
 * DiagnosticError BB833 if an output is missing, of a session's last flow, with its causes.
 */
export async function runFlows(
  deployment: LoadedDeployment,
  start: () => Promise<Deployment>,
  values: PeerValues,
  flows: number | undefined,
  onRound: (round: Round) => void,
  keeping: Keeping = { stopped: () => false },
): Promise<Ran> {
  const peers = peersOf(deployment);
  const sums: Record<string, PeerStats> = Object.fromEntries(peers.map(({ id }) => [id, noStats()]));
  const sent = new SentSums();
  const rounds: Round[] = [];
  const answers = new Answers();
  const { entries } = deployment.plan;
  const callable = entries.filter(({ trigger }) => trigger === undefined);
  const triggered = entries.some(({ trigger }) => trigger !== undefined && trigger !== 'begin');
  const entry = keeping.entry ?? (callable.length === 1 ? callable[0]!.name : undefined);
  const sessions = hasSessions(deployment);
  const { resume, save, every } = keeping;
  const before = resume?.step ?? 0;
  const onFlow = (result: FlowResult): void => {
    for (const [id, stats] of Object.entries(result.peers)) add(sums[id]!, stats);
    sent.add(result.messages);
    const round = { ...roundOf(result), step: before + rounds.length };
    rounds.push(round);
    answers.add(result);
    onRound(round);
  };
  const wanted = flows ?? (sessions ? Number.POSITIVE_INFINITY : 1);
  // Between calls nothing is open, so that what the peers keep is of one moment.
  const stride = sessions && save === undefined ? Number.POSITIVE_INFINITY : (every ?? 1);
  const running = await start();
  try {
    if (resume !== undefined) await running.restore(resume.states);
    const begin = performance.now();
    const finish = async (outputs: Map<string, DataValue>): Promise<Ran> => {
      const elapsedMs = performance.now() - begin;
      const overhead = sumOfOverheads(Object.values(await running.overhead()));
      return { outputs, rounds, answers, peers: sums, links: sent.links, overhead, elapsedMs };
    };
    if (triggered) {
      let last: FlowResult | undefined;
      running.arm(values, (result) => {
        last = result;
        onFlow(result);
      });
      if (callable.length === 0 && keeping.entry === undefined) {
        const most = flows ?? Number.POSITIVE_INFINITY;
        await running.serve(() => rounds.length >= most || keeping.stopped());
        return finish(last === undefined ? new Map() : outputsOf(last, keeping.mayMiss === true));
      }
    }
    let from = resume?.arguments && { step: resume.step, arguments: resume.arguments };
    for (;;) {
      const left = Math.min(stride, wanted - rounds.length);
      const bound = sessions && Number.isFinite(left) ? { flows: left } : {};
      const named = entry === undefined ? {} : { entry };
      const result = await running.invoke(values, {
        ...named,
        ...bound,
        ...(sessions && from && { from }),
        onFlow,
      });
      // Where all is computed in this thread, nothing else is heard of a signal.
      if (save !== undefined) await new Promise((resolve) => setImmediate(resolve));
      const next = sessions ? onlyPause(result) : { step: before + rounds.length, arguments: {} };
      const over = next === undefined || rounds.length >= wanted || keeping.stopped();
      if (save !== undefined && (over || (every !== undefined && rounds.length % every === 0))) {
        const [step, states] = [next?.step ?? before + rounds.length, await running.state()];
        save({ deployment: deployment.plan.deployment, step, arguments: next?.arguments, states });
      }
      const outputs = outputsOf(result, keeping.mayMiss === true);
      if (over) return finish(outputs);
      from = next;
    }
  } finally {
    await running.close();
  }
}

/** Where the session would go on; undefined: it is over. */
function onlyPause({ pauses = [] }: FlowResult): Pause | undefined {
  if (pauses.length > 1)
    throw new DiagnosticError(
      diagnostic('BB782', { reason: `the session goes on with ${pauses.length} flows at once` }),
    );
  return pauses[0];
}

function roundOf(result: FlowResult): Round {
  const { step, status, outputs, messages, quorums, late } = result;
  const numbers = Object.entries(outputs).flatMap(([name, value]) => {
    if (isMissing(value)) return [[name, null] as const];
    if (!isTensor(value) || elementCount(value.dims) !== 1 || value.dtype === 'string') return [];
    const number = Number(elementsOf(value)[0]);
    return [[name, Number.isFinite(number) ? number : null] as const];
  });
  const sums = new SentSums();
  sums.add(messages);
  const { headerBytes, ...sent } = sentInAll(sums.links);
  const sentBytes = sent.payloadBytes + headerBytes;
  const told = quorums.map(({ peer, collect, at, arrived, needed, known }) => ({
    peer,
    collect,
    ...(at !== undefined && { at }),
    arrived,
    needed,
    known,
  }));
  const common = { step, status, outputs: Object.fromEntries(numbers), reasons: reasonsOf(result) };
  return { ...common, ...sent, sentBytes, quorums: told, late };
}

function add(sum: PeerStats, one: Readonly<PeerStats>): void {
  for (const [name, value] of Object.entries(one)) sum[name as keyof PeerStats] += value;
}

/** Throws DiagnosticError BB825 if a loss of the flow was NaN or infinite. */
function checkFinite({ notFinite, step }: FlowResult): void {
  if (notFinite === undefined) return;
  const { value, peer, origin } = notFinite;
  const { op, at: text, input } = origin ?? notFinite;
  const position = positionIn(text);
  const at = position === undefined ? {} : { at: position };
  const from =
    op !== undefined
      ? `${op}${origin === undefined ? '' : ` at ${origin.peer}`} gave the first such number`
      : input !== undefined
        ? `it was so in ${input}, which came from elsewhere`
        : 'no op that could be found gave it';
  throw new DiagnosticError(diagnostic('BB825', { value, peer, step, from }, { value, ...at }));
}

function outputsOf(result: FlowResult, mayMiss: boolean): Map<string, DataValue> {
  if (!mayMiss) checkFinite(result);
  const named = [
    ...Object.entries(result.outputs),
    ...Object.entries(result.cohortOutputs).flatMap(([name, byPeer]) =>
      Object.entries(byPeer).map(([peer, value]) => [`${name}@${peer}`, value] as const),
    ),
  ];
  const outputs = new Map<string, DataValue>();
  const problems: Diagnostic[] = [];
  for (const [name, value] of named) {
    if (!isMissing(value)) outputs.set(name, value);
    else if (!mayMiss) {
      const { reason, peer, detail } = value;
      const related = result.causes.map((cause) => ({
        message: `at ${cause.at}: ${causeText(cause)}`,
      }));
      problems.push(
        diagnostic('BB833', { name, reason, peer, detail: detail ?? '' }, { value: name, related }),
      );
    }
  }
  if (problems.length > 0) throw new DiagnosticError([...quorumProblems(result), ...problems]);
  return outputs;
}
