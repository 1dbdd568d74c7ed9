// Segments: which plain ops run as one unit of a backend.
//
// No segment may see a missing value, and an op must run whenever its own inputs are there. So two ops share a
// segment only if they are missing in exactly the same cases: same place and fragment, same set of sources of
// missingness, and no core op (which may read a missing value) between them. Sets grow along edges and levels
// never fall, so a path that leaves such a group cannot come back: segments are convex.

import { CORE, isOurDomain, type OpId, roleCallOf, type ValueId } from '../../ir/index.ts';
import { componentKey, isUpdate } from './calls.ts';
import { assigningFragments, type Envelopes } from './envelopes.ts';
import { isState, type Levels, variableOf } from './fragments.ts';
import { isCore, type PlacedGraph, type PlaceNumber, placeOfValue } from './places.ts';
import { SetPool } from './set-pool.ts';

export interface Grouping {
  /** For each OpId: how many ops of ours, core's and roles', of the same fragment lie before it at most. */
  readonly coreDepth: Int32Array;
  /** For each OpId: identity of the set of reasons for which its results may be missing. */
  readonly missing: Int32Array;
  readonly sizeOf: (set: number) => number;
}

export function groupOps(
  graph: PlacedGraph,
  levels: Levels,
  envelopes: Envelopes,
  entries: readonly PlaceNumber[],
): Grouping {
  const { model } = graph;
  const pool = new SetPool();
  const coreDepth = new Int32Array(model.opLimit);
  const missing = new Int32Array(model.opLimit);

  const sources = new Map<string, number>();
  const sourceSet = (key: string): number => {
    let source = sources.get(key);
    if (source === undefined) {
      source = sources.size;
      sources.set(key, source);
    }
    return pool.of(source);
  };

  const missingOfValue = (value: ValueId): number => {
    const { def } = model.value(value);
    if (def.kind === 'op') return missing[def.op]!;
    return entries.includes(placeOfValue(graph, value)) ? pool.empty : sourceSet(`input ${value}`);
  };

  // What a fragment that assigns state shows to later ones is missing as a whole if the fragment is voided.
  const assigning = assigningFragments(graph, levels);

  const stateDepth = new Map<string, number>();
  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const here = graph.opPlace[op.id]!;
    const level = levels[op.id]!;
    let set = pool.empty;
    for (const value of graph.needs[op.id]!) {
      const { def } = model.value(value);
      const from = placeOfValue(graph, value);
      set = pool.union(set, missingOfValue(value));
      if (from !== here) set = pool.union(set, sourceSet(`envelope ${envelopes.bringing(value, here)}`));
      else if (def.kind === 'op' && levels[def.op] === level) {
        const step = isOurDomain(model.op(def.op).domain) ? 1 : 0;
        coreDepth[op.id] = Math.max(coreDepth[op.id]!, coreDepth[def.op]! + step);
      } else if (def.kind === 'op' && assigning.has(`${here}@${levels[def.op]}`)) {
        set = pool.union(set, sourceSet(`fragment ${here}@${levels[def.op]}`));
      }
    }
    if (isState(op) || isUpdate(op)) {
      // Within a fragment, reads and assignments of one variable keep the author's order; so do updates.
      const owner = isState(op) ? variableOf(graph, op.id) : componentKey(graph, op);
      const variable = `${owner} ${level}`;
      coreDepth[op.id] = Math.max(coreDepth[op.id]!, stateDepth.get(variable) ?? 0);
      stateDepth.set(variable, coreDepth[op.id]!);
    }
    missing[op.id] = isOurDomain(op.domain) ? afterOurs(op.id, set) : set;
  }
  return { coreDepth, missing, sizeOf: (set) => pool.size(set) };

  function afterOurs(id: OpId, inputs: number): number {
    const op = model.op(id);
    if (isCore(op, CORE.present) || isCore(op, CORE.reason) || isCore(op, CORE.stateRead)) return pool.empty;
    if (isCore(op, CORE.broadcast)) return inputs;
    // All arguments are there, or none is.
    if (isCore(op, CORE.invoke) && inputs === pool.empty) return inputs;
    // A component may fail.
    if (roleCallOf(op) !== undefined) return pool.union(inputs, sourceSet(`op ${id}`));
    // When adds a reason of its own; OrElse and Collect are missing in cases that no input alone decides.
    // All that one condition declines is missing in the same cases.
    return isCore(op, CORE.when)
      ? pool.union(inputs, sourceSet(`when ${op.inputs[1]}`))
      : sourceSet(`op ${id}`);
  }
}
