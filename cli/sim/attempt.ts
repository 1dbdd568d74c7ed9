// Runs for exploring: worlds without latency, in which work takes no time, and segments are computed once for the same inputs.

import { type DataValue, DiagnosticError } from '../../ir/index.ts';
import type { FlowResult, InvokeOptions, PeerValues } from '../../runtime/host/index.ts';
import { digestOf } from '../../runtime/host/sim/digest.ts';
import { type Attempt, type ExploreOptions, textOf } from '../../runtime/host/sim/explore.ts';
import { SimulatedDeployment, type Worker, World, type WorldOptions } from '../../runtime/host/sim/index.ts';
import { encodeRecord } from '../../runtime/journal/index.ts';
import { isMissing } from '../../runtime/value.ts';

export interface AttemptOptions {
  readonly world: WorldOptions;
  /** Of all runs. */
  readonly workers: readonly Worker[];
  readonly values: PeerValues;
  /** How often each entry that can be called is. */
  readonly calls: number;
  /** Of a session, how many flows at most. */
  readonly flows?: number | undefined;
}

export function attempts({ world, workers, values, calls, flows }: AttemptOptions): ExploreOptions['make'] {
  for (const worker of new Set(workers)) worker.remember((inputs) => digestOf(encodeRecord(inputs)));
  return async (agenda) => {
    const made = await World.create(
      { ...world, network: undefined, links: undefined, computeNs: () => 0, diskNs: 0, agenda },
      workers,
    );
    const deployment = new SimulatedDeployment(made);
    const entries = entriesOf(made).flatMap((one) => Array.from({ length: calls }, () => one));
    const call = async (one: InvokeOptions): Promise<string> => {
      const all: string[] = [];
      const onFlow = (result: FlowResult): void => void all.push(resultText(result));
      try {
        await deployment.invoke(values, { ...one, onFlow, ...(flows !== undefined && { flows }) });
      } catch (error) {
        // The peer that was called has crashed.
        if (!(error instanceof DiagnosticError) || error.diagnostics[0]!.code !== 'BB704') throw error;
        all.push('refused');
      }
      return all.join(', ');
    };
    return {
      world: made,
      deployment,
      async calls(together) {
        if (together) return Promise.all(entries.map(call));
        const outputs: string[] = [];
        for (const one of entries) outputs.push(await call(one));
        return outputs;
      },
    } satisfies Attempt;
  };
}

/** Entries that are called, each at its first peer; one that all enter themselves, at all of them. */
function entriesOf(world: World): readonly InvokeOptions[] {
  const found = new Map<string, InvokeOptions>();
  for (const { id, program } of world.peers.values())
    for (const [entry, { invoke, startedBy }] of program.entries)
      if (invoke?.trigger === undefined && !found.has(entry))
        found.set(entry, startedBy.joint ? { entry } : { entry, peer: id });
  return [...found.values()];
}

function resultText({ status, outputs, cohortOutputs }: FlowResult): string {
  const named = [
    ...Object.entries(outputs),
    ...Object.entries(cohortOutputs).flatMap(([name, byPeer]) =>
      Object.entries(byPeer).map(([peer, value]) => [`${name}@${peer}`, value] as const),
    ),
  ];
  const texts = named.map(
    ([name, value]) => `${name} ${isMissing(value) ? value.reason : textOf(value as DataValue)}`,
  );
  return [status, ...texts].join(' ');
}
