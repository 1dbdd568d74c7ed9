// Ops that compute gradients go where the ops are whose gradients they compute, so that a layer's way forth and way back
// are on one peer; what only they lead to, such as the update of a parameter, goes where what it reads is made.

import { describeOp, NO_VALUE, type Op, type OpId, type Place } from '../../ir/index.ts';
import type { Dataflow } from '../dataflow.ts';
import { type Known, settle } from './authored.ts';
import { sourcePlace } from './propagate.ts';

/** By an op that computes a gradient: the op that it computes the gradient of. */
export type ForwardOf = ReadonlyMap<OpId, OpId>;

/** The op of the forward computation that an op belongs to; of a gradient's gradient too. */
export function forwardOpOf(forwardOf: ForwardOf, op: OpId): OpId | undefined {
  let found = forwardOf.get(op);
  for (let next = found; next !== undefined; next = forwardOf.get(next)) found = next;
  return found;
}

/** Places ops of gradients whose forward op has a place. */
export function followForward(flow: Dataflow, known: Known, forwardOf: ForwardOf): void {
  if (forwardOf.size === 0) return;
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) continue;
    const forward = forwardOpOf(forwardOf, op.id);
    const place = forward === undefined ? undefined : known.ops[forward];
    if (place === undefined) continue;
    settle(known, op.id, place, { kind: 'forward', from: describeOp(flow.model, flow.model.op(forward!)) });
  }
}

/** Steps without a place that compute gradients, or lie behind some that do: no part of the row that is cut. */
export function waitingSteps(flow: Dataflow, known: Known, forwardOf: ForwardOf): ReadonlySet<OpId> {
  const waiting = new Set<OpId>();
  if (forwardOf.size === 0) return waiting;
  const made = new Set<number>();
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) continue;
    const forward = forwardOpOf(forwardOf, op.id);
    // What no output needed is gone, and its gradient is an op like others.
    const waits = forward !== undefined && flow.stepOf[forward]! >= 0;
    if (!waits && !flow.reads(op).some((id) => made.has(id))) continue;
    waiting.add(op.id);
    for (const id of op.outputs) if (id !== NO_VALUE) made.add(id);
  }
  return waiting;
}

/** After the cut. */
export function placeWaiting(
  flow: Dataflow,
  known: Known,
  forwardOf: ForwardOf,
  waiting: ReadonlySet<OpId>,
  otherwise: Place,
): void {
  followForward(flow, known, forwardOf);
  for (const op of flow.steps) {
    if (!waiting.has(op.id) || known.ops[op.id] !== undefined) continue;
    settle(known, op.id, placeOfSources(flow, known, op) ?? otherwise, { kind: 'rest' });
  }
}

function placeOfSources(flow: Dataflow, known: Known, op: Op): Place | undefined {
  for (const id of flow.reads(op)) {
    const place = sourcePlace(flow, known, id);
    if (place !== undefined) return place;
  }
  return undefined;
}
