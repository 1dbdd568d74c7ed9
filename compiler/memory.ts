// How much memory the values of a program take at most while it runs in schedule order.

import {
  byteLengthOfType,
  capturesOf,
  DOMAIN,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../ir/index.ts';

/**
 * Largest sum of bytes of values alive at once, those inside segments included, weights not. null if the size of
 * a value is not known when compiling.
 */
export function activationBytes(model: Model): number | null {
  const inner = (op: Op): number | null => {
    const fn = op.domain === DOMAIN.segment ? model.functionOf(op) : undefined;
    if (fn === undefined) return 0;
    // What enters and leaves a segment is counted where it is called.
    const { inputs, outputs } = model.graph(fn.graph);
    return peak(model, fn.graph, new Set([...inputs, ...outputs]), () => 0);
  };
  return peak(model, model.main, new Set(), inner);
}

function peak(
  model: Model,
  graph: GraphId,
  ignored: ReadonlySet<ValueId>,
  inside: (op: Op) => number | null,
): number | null {
  const { inputs, outputs, ops } = model.graph(graph);
  const last = new Map<ValueId, number>();
  ops.forEach((id, step) => {
    const op = model.op(id);
    for (const value of [...op.inputs, ...capturesOf(model, op)]) last.set(value, step);
  });
  for (const value of outputs) last.set(value, ops.length);

  const dying: ValueId[][] = ops.map(() => []);
  let alive = 0;
  let largest = 0;
  const born = (value: ValueId, step: number): boolean => {
    if (value === NO_VALUE || ignored.has(value)) return true;
    const bytes = byteLengthOfType(model.value(value).type);
    if (bytes === undefined) return false;
    alive += bytes;
    dying[last.get(value) ?? step]?.push(value);
    return true;
  };
  for (const value of inputs) if (model.value(value).weight === undefined && !born(value, 0)) return null;
  for (const [step, id] of ops.entries()) {
    const op = model.op(id);
    for (const value of op.outputs) if (!born(value, step)) return null;
    const within = inside(op);
    if (within === null) return null;
    largest = Math.max(largest, alive + within);
    for (const value of dying[step]!) alive -= byteLengthOfType(model.value(value).type)!;
  }
  return Math.max(largest, alive);
}
