// How much memory the values of a program take at most while it runs in schedule order.

import {
  byteLengthOfType,
  capturesOf,
  DOMAIN,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
} from '../ir/index.ts';

/**
 * Largest sum of bytes of values alive at once, those inside segments included, weights not; one flow in every seat
 * (`seatOf`: of each op, where there are several). Of answers that are folded, one: those that come before their turn are held
 * beyond it. null if the size of a value is not known when compiling.
 */
export function activationBytes(model: Model, seatOf?: readonly (string | undefined)[]): number | null {
  const inner = (op: Op): number | null => {
    const fn = op.domain === DOMAIN.segment ? model.functionOf(op) : undefined;
    if (fn === undefined) return 0;
    // What enters and leaves a segment is counted where it is called.
    const { inputs, outputs } = model.graph(fn.graph);
    return peak(model, fn.graph, new Set([...inputs, ...outputs]), () => 0);
  };
  if (seatOf === undefined) return peak(model, model.main, new Set(), inner);
  let sum: number | null = 0;
  for (const seat of new Set(model.mainGraph.ops.map((op) => seatOf[op]))) {
    const bytes = peak(model, model.main, new Set(), inner, (op) => seatOf[op] === seat);
    sum = bytes === null || sum === null ? null : sum + bytes;
  }
  return sum;
}

function peak(
  model: Model,
  graph: GraphId,
  ignored: ReadonlySet<ValueId>,
  inside: (op: Op) => number | null,
  counts: (op: OpId) => boolean = () => true,
): number | null {
  const { outputs, ...all } = model.graph(graph);
  const ops = all.ops.filter(counts);
  const isRead = (id: ValueId): boolean =>
    model.uses(id).some((use) => use.kind === 'output' || counts(use.op));
  const inputs = ops.length === all.ops.length ? all.inputs : all.inputs.filter(isRead);
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
    // What nobody reads is let go of at once.
    if (bytes === undefined) return model.uses(value).length === 0;
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
