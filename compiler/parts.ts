// Placement by the number of ops alone: parts of equal length, or one op each. For conformance runs, where
// what matters is that every op has been on another side of some cut.

import { type Boundary, type Model, type OpId, type Place, single } from '../ir/index.ts';
import { costModel } from './cost.ts';
import { type Crossings, crossings, ROUNDED } from './crossings.ts';
import { type Dataflow, dataflow } from './dataflow.ts';
import { inferModel } from './infer/infer.ts';
import type { Placement } from './pass.ts';

/** The steps in min(count, steps) contiguous parts of about equal length; fewer where values may not cross. */
export function contiguousParts(
  model: Model,
  count: number,
  boundary?: Boundary,
): readonly (readonly OpId[])[] {
  const flow = dataflow(model, boundary);
  const row = rowOf(flow);
  const allowed = allowedCuts(rowCrossings(flow, row), row.length);
  const wanted = Math.min(count, row.length, allowed.length + 1);
  const cuts: number[] = [];
  let next = 0;
  for (let part = 1; part < wanted; part++) {
    const ideal = (part * row.length) / wanted;
    // As near to the ideal as leaves a place for each cut that is still to come.
    const last = allowed.length - (wanted - part);
    while (next < last && Math.abs(allowed[next + 1]! - ideal) <= Math.abs(allowed[next]! - ideal)) next++;
    cuts.push(allowed[next++]!);
  }
  return slices(row, cuts);
}

/**
 * A part after each step; steps stay together where values between them may not cross. Callers ask before they
 * compile, to have a topology of as many peers, so types are inferred here.
 */
export function singleOpParts(model: Model, boundary?: Boundary): readonly (readonly OpId[])[] {
  const flow = dataflow(inferModel(model).model, boundary);
  const row = rowOf(flow);
  return slices(row, allowedCuts(rowCrossings(flow, row), row.length));
}

/**
 * Parts in order on one-member classes in order, spread evenly if there are fewer parts (a lone one in the
 * middle). Inputs enter at the first class, outputs leave at the last; where those may not cross, the parts next
 * to them move to that end, and if all is one part, everything is on the first class.
 */
export function placeByParts(
  model: Model,
  parts: readonly (readonly OpId[])[],
  classes: readonly string[],
  boundary?: Boundary,
): Placement {
  const flow = dataflow(model, boundary);
  const row = parts.flat();
  const { cost } = rowCrossings(flow, row);
  const last = classes.length - 1;
  const spread = Math.max(parts.length, classes.length);
  const target = parts.map((_, index) =>
    Math.min(last, Math.floor(((2 * index + 1) * spread) / (2 * parts.length))),
  );
  const stuckIn = cost[0] === Number.POSITIVE_INFINITY;
  const stuckOut = cost[row.length] === Number.POSITIVE_INFINITY;
  if (stuckOut && target.length > 0) target[target.length - 1] = last;
  if (stuckIn && target.length > 0) target[0] = 0;
  const places = classes.map(single);
  const ops: (Place | undefined)[] = new Array(model.opLimit);
  parts.forEach((part, index) => {
    for (const op of part) ops[op] = places[target[index]!];
  });
  for (const op of flow.constants) ops[op.id] = places[target[0] ?? 0];
  const exit = places[stuckIn && stuckOut && parts.length <= 1 ? 0 : last]!;
  return {
    ops,
    inputs: model.mainGraph.inputs.map(() => places[0]!),
    outputs: model.mainGraph.outputs.map(() => exit),
  };
}

/** All steps; of a graph that is nothing but constants the ops themselves, so that somebody runs them. */
const rowOf = (flow: Dataflow): readonly OpId[] =>
  (flow.steps.length > 0 ? flow.steps : flow.constants).map((op) => op.id);

function rowCrossings(flow: Dataflow, row: readonly OpId[]): Crossings {
  const rank = new Int32Array(flow.model.opLimit).fill(-1);
  row.forEach((op, index) => {
    rank[op] = index;
  });
  const all = { enters: () => true, leaves: () => true };
  return crossings(flow, costModel(flow.model), row, (op) => rank[op]!, all);
}

/** Places strictly inside the row where a cut may go without changing a bit. */
function allowedCuts({ cost }: Crossings, count: number): readonly number[] {
  const allowed: number[] = [];
  for (let place = 1; place < count; place++) {
    if (cost[place]! < ROUNDED) allowed.push(place);
  }
  return allowed;
}

function slices(row: readonly OpId[], cuts: readonly number[]): readonly (readonly OpId[])[] {
  if (row.length === 0) return [];
  return [0, ...cuts].map((from, index) => row.slice(from, cuts[index] ?? row.length));
}
