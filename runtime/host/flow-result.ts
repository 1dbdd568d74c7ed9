// What the in-process host knows about a flow: the inputs of each peer, and what came out where.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Tensor } from '../../ir/types.ts';
import type { Program } from '../instruction.ts';
import type { Cause, NodeEvent } from '../io.ts';
import { describePort, fits } from '../manifest.ts';
import type { Value } from '../value.ts';

/** Graph inputs by name; for an input at a cohort, one value for all members or one for each by peer id. */
export type PeerValues = Readonly<Record<string, Tensor | Readonly<Record<string, Tensor>>>>;

export interface PeerStats {
  /** Plain ONNX ops that ran. */
  ops: number;
  /** From handing a segment to the backend until its results were there. */
  computeMs: number;
  sentBytes: number;
  receivedBytes: number;
}

export interface FlowResult {
  readonly flow: string;
  readonly status: 'complete' | 'partial' | 'failed';
  /** Outputs of classes with one member. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Outputs of cohorts, by name and peer. */
  readonly cohortOutputs: Readonly<Record<string, Readonly<Record<string, Value>>>>;
  /** Why values are missing, as each peer saw it. */
  readonly causes: readonly (Cause & { readonly at: string })[];
  readonly peers: Readonly<Record<string, Readonly<PeerStats>>>;
}

type Status = Extract<NodeEvent, { kind: 'flow-ended' }>['status'];

export interface FlowRecord {
  flow: string;
  readonly inputs: ReadonlyMap<string, Readonly<Record<string, Tensor>>>;
  readonly owned: boolean;
  /** Peers on which it has begun and not ended. */
  readonly open: Set<string>;
  readonly outputs: Map<string, Map<string, Value>>;
  readonly ends: Map<string, Status>;
  readonly causes: (Cause & { readonly at: string })[];
  readonly peers: Map<string, PeerStats>;
  readonly resolve: (result: FlowResult) => void;
  readonly reject: (error: Error) => void;
  stats(peer: string): PeerStats;
  addOutput(peer: string, name: string, value: Value): void;
  addEnd(peer: string, status: Status, causes: readonly Cause[]): void;
}

export function openRecord(
  inputs: FlowRecord['inputs'],
  owned: boolean,
  resolve: FlowRecord['resolve'],
  reject: FlowRecord['reject'],
): FlowRecord {
  return {
    flow: '',
    inputs,
    owned,
    open: new Set(),
    outputs: new Map(),
    ends: new Map(),
    causes: [],
    peers: new Map(),
    resolve,
    reject,
    stats(peer) {
      let stats = this.peers.get(peer);
      if (stats === undefined) {
        stats = { ops: 0, computeMs: 0, sentBytes: 0, receivedBytes: 0 };
        this.peers.set(peer, stats);
      }
      return stats;
    },
    addOutput(peer, name, value) {
      const byPeer = this.outputs.get(name) ?? new Map<string, Value>();
      this.outputs.set(name, byPeer.set(peer, value));
    },
    addEnd(peer, status, causes) {
      this.ends.set(peer, status);
      this.causes.push(...causes.map((cause) => ({ ...cause, at: peer })));
    },
  };
}

interface Member {
  readonly id: string;
  readonly program: Program;
}

/** The graph inputs of one peer. Throws DiagnosticError BB702 where one is not there or does not fit. */
export function valuesFor({ id, program }: Member, values: PeerValues): Readonly<Record<string, Tensor>> {
  const own: Record<string, Tensor> = {};
  const problems = program.manifest.inputs.flatMap((port) => {
    const given = Object.hasOwn(values, port.name) ? values[port.name] : undefined;
    const value = given === undefined || isTensor(given) ? given : given[id];
    const reason =
      value === undefined
        ? `peer ${id} needs ${describePort(port)} and got nothing`
        : fits(port, value)
          ? undefined
          : `${value.dtype}[${value.dims.join(', ')}] where ${describePort(port)} belongs`;
    if (reason !== undefined) return [diagnostic('BB702', { input: port.name, reason })];
    own[port.name] = value!;
    return [];
  });
  if (problems.length > 0) throw new DiagnosticError(problems);
  return own;
}

const isTensor = (value: PeerValues[string]): value is Tensor => value.bytes instanceof Uint8Array;

export function resultOf(record: FlowRecord, peers: readonly Member[]): FlowResult {
  const outputs: Record<string, Value> = {};
  const cohortOutputs: Record<string, Record<string, Value>> = {};
  let unreached = false;
  for (const { id, program } of peers) {
    const { manifest } = program;
    const cohort = (manifest.members[manifest.class]?.length ?? 0) > 1;
    for (const { name } of manifest.outputs) {
      // A peer that never heard of the flow: what should have woken it was lost.
      const value = record.outputs.get(name)?.get(id) ?? ({ reason: 'lost', peer: id } as const);
      unreached ||= !record.ends.has(id);
      if (cohort) cohortOutputs[name] = { ...cohortOutputs[name], [id]: value };
      else outputs[name] = value;
    }
    record.stats(id);
  }
  const ends = [...record.ends.values()];
  const status: Status =
    !unreached && ends.every((end) => end === 'complete')
      ? 'complete'
      : ends.every((end) => end === 'failed') || !anyPresent(outputs, cohortOutputs)
        ? 'failed'
        : 'partial';
  const { flow, causes } = record;
  return { flow, status, outputs, cohortOutputs, causes, peers: Object.fromEntries(record.peers) };
}

const anyPresent = (outputs: FlowResult['outputs'], cohortOutputs: FlowResult['cohortOutputs']): boolean =>
  [outputs, ...Object.values(cohortOutputs)].some((group) =>
    Object.values(group).some((value) => !('reason' in value)),
  );
