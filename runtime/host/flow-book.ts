// Keeps the flows of a deployment whose every peer this host hears: who takes part, what came out, when it is over.

import type { DataValue } from '../../ir/data.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import { flowKey, type InitiatedFlowId } from '../flow-id.ts';
import type { NodeEvent } from '../io.ts';
import {
  type FlowRecord,
  type FlowResult,
  type Member,
  openRecord,
  type PeerValues,
  resultOf,
  valuesFor,
} from './flow-result.ts';

export interface InvokeOptions {
  /** Where the flow starts; by default at the first peer of the entry's class. */
  readonly peer?: string;
  /** By default `main`. */
  readonly entry?: string;
  /** The values' buffers are given away. */
  readonly owned?: boolean;
}

/** A flow that is about to start: at which peer, with which of its inputs. */
export interface Start {
  readonly peer: string;
  readonly entry: string;
  /** To be given to the node, which says it again when the flow starts or is refused. */
  readonly request: number;
  readonly values: Readonly<Record<string, DataValue>>;
  readonly owned: boolean;
  readonly result: Promise<FlowResult>;
}

/** Gives a peer the inputs that it asked for. */
export type Supply = (
  peer: string,
  flow: InitiatedFlowId,
  values: Readonly<Record<string, DataValue>>,
  owned: boolean,
) => void;

export class FlowBook {
  readonly #members: readonly Member[];
  readonly #supply: Supply;
  readonly #records = new Map<string, FlowRecord>();
  readonly #requests = new Map<number, FlowRecord>();
  #nextRequest = 1;

  constructor(members: readonly Member[], supply: Supply) {
    this.#members = members;
    this.#supply = supply;
  }

  /** Throws DiagnosticError BB701 for an unknown peer or entry, BB702 for inputs that are not there or do not fit. */
  open(given: PeerValues, { peer, entry = 'main', owned = false }: InvokeOptions): Start {
    const starter = this.#starter(entry, peer);
    const inputs = new Map(this.#members.map((member) => [member.id, valuesFor(member, given)]));
    const request = this.#nextRequest++;
    const result = new Promise<FlowResult>((resolve, reject) => {
      this.#requests.set(request, openRecord(starter, inputs, owned, resolve, reject));
    });
    return { peer: starter, entry, request, values: inputs.get(starter)!, owned, result };
  }

  /** The flow's record; undefined: it is over, or not of this book. */
  recordOf(flow: InitiatedFlowId): FlowRecord | undefined {
    return this.#records.get(flowKey(flow));
  }

  /** Takes in what a peer tells; gives the flow's record if it ended there. */
  note(peer: string, event: NodeEvent): FlowRecord | undefined {
    if (event.kind === 'flow-refused') {
      this.#take(event.request)?.reject(new DiagnosticError(diagnostic('BB704', { why: event.why })));
      return undefined;
    }
    if (!('flow' in event)) return undefined;
    if (event.kind === 'flow-started') this.#begin(event.flow, event.request);
    const record = this.recordOf(event.flow);
    if (record === undefined) return undefined;
    if (event.kind === 'flow-started') record.open.add(peer);
    if (event.kind === 'output') record.addOutput(peer, event.name, event.value);
    if (event.kind === 'input-wanted')
      this.#supply(peer, event.flow, record.inputs.get(peer) ?? {}, record.owned);
    if (event.kind !== 'flow-ended') return undefined;
    record.open.delete(peer);
    record.stats(peer).ops += event.ops;
    record.addEnd(peer, event.status, event.causes);
    return record;
  }

  /** The flow is over: its result is what is known now. */
  close(record: FlowRecord): void {
    if (this.#records.delete(record.flow)) record.resolve(resultOf(record, this.#members));
  }

  /** Flows that have started and are not over. */
  get running(): readonly FlowRecord[] {
    return [...this.#records.values()];
  }

  /** Gives up what has not started at a peer. */
  refuse(peer: string, why: string): void {
    for (const [request, record] of this.#requests)
      if (record.starter === peer) this.note(peer, { kind: 'flow-refused', request, why });
  }

  #begin(flow: InitiatedFlowId, request: number | undefined): void {
    const record = this.#take(request);
    if (record === undefined) return;
    record.flow = flowKey(flow);
    this.#records.set(record.flow, record);
  }

  #take(request: number | undefined): FlowRecord | undefined {
    if (request === undefined) return undefined;
    const record = this.#requests.get(request);
    this.#requests.delete(request);
    return record;
  }

  #starter(entry: string, peer: string | undefined): string {
    const found = this.#members.find(
      ({ id, manifest }) =>
        (peer === undefined || id === peer) &&
        manifest.entries.some((known) => known.name === entry && known.class === manifest.class),
    );
    if (found !== undefined) return found.id;
    const known = this.#members.flatMap(({ id, manifest }) =>
      manifest.entries.map(({ name }) => `${name} at ${id}`),
    );
    const wanted = peer === undefined ? entry : `${entry} at ${peer}`;
    throw new DiagnosticError(diagnostic('BB701', { entry: wanted, known: [...new Set(known)] }));
  }
}
