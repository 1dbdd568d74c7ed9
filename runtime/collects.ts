// What a node does about a collect once it has closed: tells of one with too few answers, and of answers that come
// late; gives those to the collect of the session's next flow, where the author wants that.

import type { Edge } from '../ir/deployment.ts';
import type { Collected } from './collect.ts';
import type { Engine } from './engine.ts';
import type { Flow, FlowHead } from './flow.ts';
import { flowKey } from './flow-id.ts';
import type { Collect, SeatProgram } from './instruction.ts';
import { LateAnswers } from './late.ts';
import type { Leases, Slot } from './lease.ts';
import type { Outbox } from './outbox.ts';
import type { Saved } from './saved.ts';

interface Around {
  readonly leases: Leases;
  /** Beyond these, late answers are no longer kept. */
  readonly limitBytes: number;
  readonly outbox: Outbox;
  readonly engine: Engine;
  /** Flows in this seat that have not ended, oldest first. */
  readonly open: () => Iterable<Flow>;
  /** Tells a member that its values over these edges are wanted no more. */
  readonly leave: (flow: Flow, from: string, edges: readonly number[]) => void;
}

export class Collects {
  readonly #seat: SeatProgram;
  readonly #peer: string;
  readonly #around: Around;
  readonly #late: LateAnswers;
  /** Instructions whose late answers join the next flow. */
  readonly #keeping: readonly number[];

  constructor(seat: SeatProgram, peer: string, around: Around) {
    this.#seat = seat;
    this.#peer = peer;
    this.#around = around;
    this.#late = new LateAnswers(seat, around.leases, around.outbox);
    this.#keeping = seat.waits.filter((index) => {
      const one = seat.instructions[index]!;
      return one.kind === 'collect' && one.keepsLate;
    });
  }

  /** Late answers join what is open of the flow, once its set is known. */
  begin(flow: Flow): void {
    for (const index of this.#keeping) {
      const one = this.#seat.instructions[index] as Collect;
      if (flow.fired[index] === 1 || flow.sourcesOf(index, one) === undefined) continue;
      for (const late of this.#late.joining(flow, index)) {
        if (flow.fired[index] === 0) this.#around.engine.arrivals.join(flow, index, late);
      }
    }
  }

  closed(flow: Flow, index: number, { arrived, causes, absent, known, needed }: Collected): void {
    this.#late.closed(flow, index, absent);
    const { name, at, edges, keepsLate } = this.#seat.instructions[index] as Collect;
    // Whoever has not answered need not go on for it, unless late answers are kept.
    if (!keepsLate && flow.cancelled === undefined && edges[0]!.kind !== 'exchange')
      for (const { from } of absent)
        if (from !== this.#peer)
          this.#around.leave(
            flow,
            from,
            edges.map(({ id }) => id),
          );
    if (arrived >= needed || flow.cancelled !== undefined) return;
    this.#around.outbox.event({
      kind: 'quorum-missed',
      flow: flow.id,
      peer: this.#peer,
      collect: name,
      ...(at !== undefined && { at }),
      arrived,
      needed,
      known,
      causes,
    });
  }

  /** A fill of a flow whose collect may have closed; false: it is none that was awaited. */
  late({ id, session }: FlowHead, edge: Edge, from: string, slot: Slot): boolean {
    const index = this.#seat.receivers.get(edge.id)!;
    const one = this.#seat.instructions[index]!;
    if (one.kind !== 'collect') return false;
    const { leases, limitBytes, outbox, engine, open } = this.#around;
    const full = one.keepsLate && leases.bytes > limitBytes;
    const fill: Slot = full ? { reason: 'refused', peer: this.#peer, edge: edge.id } : slot;
    if (full) outbox.drop('limit', from, `${leases.bytes} bytes are held`, edge.id);
    const taken = this.#late.take(id, index, one.edges.indexOf(edge), from, fill);
    if (typeof taken === 'string') return taken === 'part';
    outbox.event({ kind: 'late-answer', flow: id, session, collect: one.name, from, ...taken });
    for (const flow of taken.kept ? [...open()] : []) {
      this.begin(flow);
      engine.settle(flow);
    }
    return true;
  }

  /** A flow that began here has ended, and none of its session waits to begin. */
  end({ session }: Flow): void {
    if (this.#keeping.length === 0) return;
    const key = flowKey(session);
    for (const flow of this.#around.open()) if (flowKey(flow.session) === key) return;
    this.#late.end(key);
  }

  save() {
    return this.#late.save();
  }

  load(late: Saved<Collects>): void {
    this.#late.load(late);
  }
}
