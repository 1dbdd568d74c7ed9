// Memory that steps need on the peer that runs them: weights, and the values alive at once.

import { type Model, NO_VALUE, type Op, type OpId, type PeerClass, type ValueId } from '../../ir/index.ts';
import { attributeBytes, type CostModel, weightBytes } from '../cost.ts';
import type { Dataflow } from '../dataflow.ts';
import type { Known } from './authored.ts';

/** What the windows of a row of steps need; see `memoryWindows`. */
export interface MemoryProfile {
  /** By step of the row: the constants it reads. */
  readonly constants: readonly (readonly ValueId[])[];
  /** By ValueId: bytes of a constant, with all it is computed from. */
  readonly constantBytes: Float64Array;
  /** By step of the row: bytes of values alive while it runs. */
  readonly alive: Float64Array;
  /** By class: constants that steps placed there already hold. */
  readonly held: ReadonlyMap<string, ReadonlySet<ValueId>>;
}

/**
 * `certain` counts every value as held by every part between its source and its last reader, which is never too
 * little; otherwise only what a step itself reads and makes, which is never too much.
 */
export function memoryProfile(
  flow: Dataflow,
  cost: CostModel,
  row: readonly OpId[],
  known: Known,
  certain: boolean,
): MemoryProfile {
  const { model } = flow;
  const held = new Map<string, Set<ValueId>>();
  for (const op of flow.steps) {
    const place = known.ops[op.id];
    if (place === undefined) continue;
    const set = held.get(place.class) ?? new Set<ValueId>();
    for (const id of constantsOf(flow, op)) set.add(id);
    held.set(place.class, set);
  }
  const all = certain ? aliveAt(flow, cost, flow.steps) : undefined;
  return {
    constants: row.map((id) => constantsOf(flow, model.op(id))),
    constantBytes: constantSizes(flow),
    alive: Float64Array.from(row, (id) => all?.[flow.stepOf[id]!] ?? touchedBytes(flow, cost, model.op(id))),
    held,
  };
}

/** Raises `earliest` so that no window needs more than `limit` bytes on the class: weights counted once each. */
export function memoryWindows(
  profile: MemoryProfile,
  className: string,
  limit: number,
  earliest: Int32Array,
): void {
  const { constants, constantBytes, alive, held } = profile;
  const there = held.get(className) ?? new Set<ValueId>();
  let weights = 0;
  for (const id of there) weights += constantBytes[id]!;
  const readers = new Map<ValueId, number>();
  const peaks: number[] = [];
  let head = 0;
  let from = 0;
  const leave = (step: number): void => {
    for (const id of constants[step]!) {
      const left = readers.get(id)! - 1;
      readers.set(id, left);
      if (left === 0 && !there.has(id)) weights -= constantBytes[id]!;
    }
  };
  for (let b = 1; b < earliest.length; b++) {
    for (const id of constants[b - 1]!) {
      const count = readers.get(id) ?? 0;
      readers.set(id, count + 1);
      if (count === 0 && !there.has(id)) weights += constantBytes[id]!;
    }
    while (peaks.length > head && alive[peaks.at(-1)!]! <= alive[b - 1]!) peaks.pop();
    peaks.push(b - 1);
    for (; from < b && (from < earliest[b]! || weights + alive[peaks[head]!]! > limit); from++) {
      leave(from);
      if (peaks[head] === from) head++;
    }
    earliest[b] = from;
  }
}

export interface Share {
  readonly class: PeerClass;
  readonly needBytes: number;
}

/** Classes whose weights and largest sum of live values exceed their limit, in topology order. */
export function sharesAbove(
  flow: Dataflow,
  cost: CostModel,
  classes: readonly PeerClass[],
  classOf: (op: OpId) => string | undefined,
): readonly Share[] {
  const limited = classes.filter((one) => one.memoryBytes !== undefined);
  if (limited.length === 0) return [];
  const sizes = constantSizes(flow);
  return limited
    .map((one): Share => {
      const steps = flow.steps.filter((op) => classOf(op.id) === one.name);
      let needBytes = 0;
      for (const id of new Set(steps.flatMap((op) => constantsOf(flow, op)))) needBytes += sizes[id]!;
      return {
        class: one,
        needBytes: needBytes + aliveAt(flow, cost, steps).reduce((a, b) => Math.max(a, b), 0),
      };
    })
    .filter((share) => share.needBytes > share.class.memoryBytes!);
}

/** By index into `steps`: bytes of values that are made, waiting or read there while the step runs. */
function aliveAt(flow: Dataflow, cost: CostModel, steps: readonly Op[]): Float64Array {
  const { model } = flow;
  const last = new Int32Array(model.valueLimit).fill(-1);
  const first = new Int32Array(model.valueLimit).fill(-1);
  const seen: ValueId[] = [];
  const touch = (id: ValueId, at: number): void => {
    if (id === NO_VALUE || flow.constant[id] === 1) return;
    if (first[id] === -1) {
      // What comes from elsewhere may be here from the start.
      first[id] = 0;
      seen.push(id);
    }
    last[id] = at;
  };
  steps.forEach((op, at) => {
    for (const id of flow.reads(op)) touch(id, at);
    for (const id of op.outputs) {
      if (id !== NO_VALUE && first[id] === -1) {
        first[id] = at;
        seen.push(id);
        last[id] = at;
      }
    }
  });
  const change = new Float64Array(steps.length + 1);
  for (const id of seen) {
    const bytes = cost.heldBytes(id);
    change[first[id]!]! += bytes;
    change[last[id]! + 1]! -= bytes;
  }
  let sum = 0;
  return change.slice(0, steps.length).map((delta) => {
    sum += delta;
    return sum;
  });
}

function touchedBytes(flow: Dataflow, cost: CostModel, op: Op): number {
  let sum = 0;
  for (const id of flow.reads(op)) if (flow.constant[id] === 0) sum += cost.heldBytes(id);
  for (const id of op.outputs) if (id !== NO_VALUE) sum += cost.heldBytes(id);
  return sum;
}

const constantsOf = (flow: Dataflow, op: Op): readonly ValueId[] =>
  flow.reads(op).filter((id) => flow.constant[id] === 1);

/** By ValueId: bytes of constants; of a constant expression those of everything it is made of. */
function constantSizes(flow: Dataflow): Float64Array {
  const model: Model = flow.model;
  const sizes = new Float64Array(model.valueLimit);
  for (const id of model.mainGraph.initializers) {
    const { weight } = model.value(id);
    if (weight !== undefined) sizes[id] = weightBytes(weight);
  }
  for (const op of flow.constants) {
    let sum = attributeBytes(op);
    for (const id of flow.reads(op)) sum += sizes[id]!;
    for (const id of op.outputs) sizes[id] = sum;
  }
  return sizes;
}
