// Runs a deployment on this machine, flow after flow, and adds up what its peers did.

import { type DataValue, type Diagnostic, DiagnosticError, diagnostic } from '../../ir/index.ts';
import type { Deployment, FlowResult, PeerStats, PeerValues } from '../../runtime/host/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { isMissing } from '../../runtime/value.ts';
import { causeText } from '../causes.ts';
import { peersOf } from './memory.ts';

export interface Ran {
  /** Of the last flow; an output of a cohort as `NAME@PEER`. */
  readonly outputs: ReadonlyMap<string, DataValue>;
  /** Sums over all flows. */
  readonly peers: Readonly<Record<string, Readonly<PeerStats>>>;
  /** From the first invocation to the last result. */
  readonly elapsedMs: number;
}

/** Throws DiagnosticError BB833 if an output is missing, with its causes. */
export async function runFlows(
  deployment: LoadedDeployment,
  start: () => Promise<Deployment>,
  values: PeerValues,
  flows: number,
  onFlow: (done: number) => void,
): Promise<Ran> {
  const peers = peersOf(deployment);
  const sums: Record<string, PeerStats> = Object.fromEntries(
    peers.map(({ id }) => [id, { ops: 0, computeMs: 0, sentBytes: 0, receivedBytes: 0 }]),
  );
  const running = await start();
  try {
    let outputs: ReadonlyMap<string, DataValue> = new Map();
    const begin = performance.now();
    for (let flow = 0; flow < flows; flow++) {
      const result = await running.invoke(values);
      outputs = outputsOf(result);
      for (const [id, stats] of Object.entries(result.peers)) add(sums[id]!, stats);
      onFlow(flow + 1);
    }
    return { outputs, peers: sums, elapsedMs: performance.now() - begin };
  } finally {
    await running.close();
  }
}

function add(sum: PeerStats, one: Readonly<PeerStats>): void {
  sum.ops += one.ops;
  sum.computeMs += one.computeMs;
  sum.sentBytes += one.sentBytes;
  sum.receivedBytes += one.receivedBytes;
}

function outputsOf(result: FlowResult): Map<string, DataValue> {
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
    else {
      const { reason, peer, detail } = value;
      const related = result.causes.map((cause) => ({
        message: `at ${cause.at}: ${causeText(cause)}`,
      }));
      problems.push(
        diagnostic('BB833', { name, reason, peer, detail: detail ?? '' }, { value: name, related }),
      );
    }
  }
  if (problems.length > 0) throw new DiagnosticError(problems);
  return outputs;
}
