// The contiguous cut: unplaced steps, in execution order, over the topology's one-member classes in file order.
//
//   classes   a        b          c            placed steps stay; a step between them may go only to the classes
//   steps   o o o o | o o o | o o o o o        from that of its latest source to that of its earliest reader
//
// Data never flows backwards among the steps cut here. Sorting by the earliest class that a step may have keeps
// execution order (it never falls along a value), and makes what each class may get a stretch of the row.

import {
  type CutReason,
  type Diagnostic,
  diagnostic,
  type OpId,
  type PeerClass,
  single,
  type Topology,
  type ValueId,
} from '../../ir/index.ts';
import type { CostModel } from '../cost.ts';
import { crossings, keepingFolds } from '../crossings.ts';
import { bestCut, type Cut, type CutProblem, type Part } from '../cut.ts';
import type { Dataflow } from '../dataflow.ts';
import { describeValue } from '../handover.ts';
import { pointAt } from '../point.ts';
import { formatBytes } from '../units.ts';
import { explainCuts } from './alternatives.ts';
import { type Known, settle } from './authored.ts';
import { type MemoryProfile, memoryProfile, memoryWindows, sharesAbove } from './memory.ts';
import { type Readers, sourcePlace } from './propagate.ts';
import { placesOf, type Row } from './row.ts';

/** No part may have more estimated compute than this times the mean, where the ops allow. */
const BALANCE = 1.5;

/** The cuts and why they are where they are, or why there are none. */
type CutOutcome = { readonly problem: Diagnostic } | { readonly cuts: readonly CutReason[] };

/** Places every step of `flow` that has none yet, but for those that wait until the others have theirs. */
export function cutChain(
  flow: Dataflow,
  cost: CostModel,
  topology: Topology,
  known: Known,
  readers: Readers,
  waiting: ReadonlySet<OpId>,
): CutOutcome {
  const classes = topology.classes.filter((one) => !one.cohort);
  const row = makeRow(flow, cost, classes, known, readers, waiting);
  const free = row.fixedSteps.filter((steps) => steps === 0).length;
  const nothingPlaced = free === classes.length;
  if (nothingPlaced && row.ops.length < classes.length) {
    const args = { peers: classes.length, ops: row.ops.length };
    return { problem: diagnostic('BB411', args, pointAt(topology, ['classes'])) };
  }
  const found = cutRow(row, known) ?? (nothingPlaced ? undefined : cutRow(row, known, true));
  if (found === undefined) return { problem: refusal(row, known, topology) };
  const cuts = explainCuts(row, known, found, bound(row));
  classes.forEach((one, index) => {
    const place = single(one.name);
    for (let i = found.starts[index]!; i < found.starts[index + 1]!; i++)
      settle(known, row.ops[i]!, place, { kind: 'cut' });
  });
  return { cuts };
}

function makeRow(
  flow: Dataflow,
  cost: CostModel,
  classes: readonly PeerClass[],
  known: Known,
  allReaders: Readers,
  waiting: ReadonlySet<OpId>,
): Row {
  const readers: Readers =
    waiting.size === 0 ? allReaders : (id) => allReaders(id).filter((op) => !waiting.has(op.id));
  const index = new Map(classes.map((one, at) => [one.name, at]));
  const classOf = (op: OpId): number | undefined => index.get(known.ops[op]?.class ?? '');
  const bounds = classBounds(flow, known, readers, classOf, classes.length - 1);
  const steps = flow.steps
    .filter((op) => known.ops[op.id] === undefined && !waiting.has(op.id))
    .map((op) => op.id);
  const ops = steps.toSorted((a, b) => bounds.low[a]! - bounds.low[b]!);
  const rank = new Int32Array(flow.model.opLimit).fill(-1);
  ops.forEach((op, at) => {
    rank[op] = at;
  });
  const fixedLoad = new Float64Array(classes.length);
  const fixedSteps = new Int32Array(classes.length);
  for (const op of flow.steps) {
    const at = classOf(op.id);
    if (at === undefined) continue;
    fixedLoad[at]! += cost.operations(op);
    fixedSteps[at]!++;
  }
  return {
    flow,
    cost,
    classes,
    ops,
    load: Float64Array.from(ops, (op) => cost.operations(flow.model.op(op))),
    low: Int32Array.from(ops, (op) => bounds.low[op]!),
    high: Int32Array.from(ops, (op) => bounds.high[op]!),
    crossings: crossings(flow, cost, ops, (op) => rank[op]!, {
      enters: (id) => !known.inputs.has(id),
      leaves: (at) => leavesRow(flow, at, rank),
    }),
    fixedLoad,
    fixedSteps,
    extra: isMixed(flow, known) ? extraCosts(flow, cost, known, readers, ops, classes) : undefined,
  };
}

/** Whether anything has a place that the row must mind. */
const isMixed = (flow: Dataflow, known: Known): boolean =>
  known.inputs.size > 0 || flow.steps.some((op) => known.ops[op.id] !== undefined);

/** An output made in the row, or an input that is one, goes on to the last class. */
function leavesRow(flow: Dataflow, at: number, rank: Int32Array): boolean {
  const { def } = flow.model.value(flow.model.mainGraph.outputs[at]!);
  return def.kind !== 'op' || rank[def.op]! >= 0;
}

/** By OpId: the stretch of classes that data from and to placed steps leaves to each unplaced one. */
function classBounds(
  flow: Dataflow,
  known: Known,
  readers: Readers,
  classOf: (op: OpId) => number | undefined,
  last: number,
): { low: Int32Array; high: Int32Array } {
  const { model } = flow;
  const low = new Int32Array(model.opLimit);
  const high = new Int32Array(model.opLimit).fill(last);
  if (!isMixed(flow, known)) return { low, high };
  const names = new Map<string, number>();
  for (const op of flow.steps) {
    const at = classOf(op.id);
    if (at !== undefined) names.set(known.ops[op.id]!.class, at);
  }
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) {
      low[op.id] = classOf(op.id) ?? 0;
      continue;
    }
    for (const id of flow.reads(op)) {
      const { def } = model.value(id);
      const above =
        def.kind === 'op' ? low[def.op]! : (names.get(sourcePlace(flow, known, id)?.class ?? '') ?? 0);
      if (flow.constant[id] === 0) low[op.id] = Math.max(low[op.id]!, above);
    }
  }
  for (const op of flow.steps.toReversed()) {
    if (known.ops[op.id] !== undefined) {
      high[op.id] = classOf(op.id) ?? last;
      continue;
    }
    for (const id of op.outputs) {
      for (const reader of readers(id)) high[op.id] = Math.min(high[op.id]!, high[reader.id]!);
    }
    // Between a later and an earlier class: data does flow backwards by the author's word. Stay with the source.
    high[op.id] = Math.max(high[op.id]!, low[op.id]!);
  }
  return { low, high };
}

/** What each op of the row costs on each class by values from and to steps and inputs placed elsewhere. */
function extraCosts(
  flow: Dataflow,
  cost: CostModel,
  known: Known,
  readers: Readers,
  ops: readonly OpId[],
  classes: readonly PeerClass[],
): readonly Float64Array[] {
  const extra = classes.map(() => new Float64Array(ops.length));
  const charge = (at: number, id: ValueId, home: string): void => {
    const bytes = cost.transferBytes(id);
    classes.forEach((one, index) => {
      if (one.name !== home) extra[index]![at]! += bytes;
    });
  };
  ops.forEach((id, at) => {
    const op = flow.model.op(id);
    for (const read of flow.reads(op)) {
      const from = sourcePlace(flow, known, read);
      if (from !== undefined) charge(at, read, from.class);
    }
    for (const made of op.outputs) {
      for (const reader of readers(made)) {
        const to = known.ops[reader.id];
        if (to !== undefined) charge(at, made, to.class);
      }
    }
  });
  return extra;
}

/** The cut; first with memory counted so that it surely fits, then counted low and checked afterwards. */
function cutRow(row: Row, known: Known, mayBeEmpty = false): Cut | undefined {
  const limited = row.classes.some((one) => one.memoryBytes !== undefined);
  if (!limited) return cheapestCut(problem(row, mayBeEmpty), bound(row));
  for (const certain of [true, false]) {
    const profile = memoryProfile(row.flow, row.cost, row.ops, known, certain);
    const cut = cheapestCut(problem(row, mayBeEmpty, profile), bound(row));
    if (
      cut !== undefined &&
      sharesAbove(row.flow, row.cost, row.classes, placesOf(row, cut, known)).length === 0
    ) {
      return cut;
    }
  }
  return undefined;
}

/** Balance gives way to ops that belong together, unless there would be too few parts. */
const cheapestCut = (problem: CutProblem, bound: number): Cut | undefined =>
  bestCut({ ...problem, cost: keepingFolds(problem.cost) }, bound) ?? bestCut(problem, bound);

function bound(row: Row): number {
  let total = 0;
  for (const load of row.load) total += load;
  for (const load of row.fixedLoad) total += load;
  return (BALANCE * total) / row.classes.length;
}

function problem(row: Row, mayBeEmpty: boolean, memory?: MemoryProfile): CutProblem {
  const parts = row.classes.map((one, index): Part => {
    const earliest = classWindows(row, index);
    const limit = one.memoryBytes;
    if (memory !== undefined && limit !== undefined) memoryWindows(memory, one.name, limit, earliest);
    return {
      fixedLoad: row.fixedLoad[index]!,
      mayBeEmpty: mayBeEmpty || row.fixedSteps[index]! > 0,
      earliest,
      extra: row.extra?.[index],
    };
  });
  return { load: row.load, cost: row.crossings.cost, parts };
}

/** earliest[b] for one class: after the last op before b that may not be on it. */
function classWindows(row: Row, index: number): Int32Array {
  const earliest = new Int32Array(row.ops.length + 1);
  for (let b = 1; b <= row.ops.length; b++) {
    const allowed = row.low[b - 1]! <= index && index <= row.high[b - 1]!;
    earliest[b] = allowed ? earliest[b - 1]! : b;
  }
  return earliest;
}

/** Why no cut satisfies: memory if one does without limits, otherwise values that may not cross. */
function refusal(row: Row, known: Known, topology: Topology): Diagnostic {
  const anyFixed = row.fixedSteps.some((steps) => steps > 0);
  const free = bestCut(problem(row, anyFixed), bound(row));
  if (free !== undefined) {
    const over = sharesAbove(row.flow, row.cost, row.classes, placesOf(row, free, known))[0];
    if (over !== undefined) {
      const args = {
        className: over.class.name,
        limit: formatBytes(over.class.memoryBytes!),
        need: formatBytes(over.needBytes),
        subject: 'its share of the cheapest cut',
      };
      return diagnostic('BB413', args, pointAt(topology, ['classes', over.class.name, 'memory']));
    }
  }
  const most = largestCount(row);
  const blocked = row.crossings.blocker.findIndex(
    (id, place) => id !== 0 && place > 0 && place < row.ops.length,
  );
  const id = row.crossings.blocker[blocked] as ValueId | undefined;
  const reason =
    id === undefined
      ? 'the places of other ops leave no room for them all'
      : `values that cannot cross between peers stand in the way, such as ${describeValue(row.flow.model, id)}`;
  return diagnostic('BB412', { peers: row.classes.length, most, reason }, pointAt(topology, ['classes']));
}

/** The most parts that the places allow, memory and balance aside. */
function largestCount(row: Row): number {
  const { cost } = row.crossings;
  let count = row.ops.length > 0 ? 1 : 0;
  for (let place = 1; place < row.ops.length; place++) if (cost[place] !== Number.POSITIVE_INFINITY) count++;
  return count;
}
