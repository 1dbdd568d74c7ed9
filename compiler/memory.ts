// How much memory the values of a program take at most while it runs in schedule order.

import {
  byteLengthOfType,
  capturesOf,
  DOMAIN,
  findAttribute,
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
    const within = peak(model, fn.graph, new Set([...inputs, ...outputs]), () => 0);
    // What a fold takes of its Collect is an answer, and not the rows that stand there.
    const answer = inputs.filter((_, at) => folded.has(op.inputs[at]!));
    return answer.reduce<number | null>((sum, id) => {
      const bytes = byteLengthOfType(model.value(id).type);
      return sum === null || bytes === undefined ? null : sum + bytes;
    }, within);
  };
  const folded = foldedRows(model);
  if (seatOf === undefined) return peak(model, model.main, folded, inner);
  let sum: number | null = 0;
  for (const seat of new Set(model.mainGraph.ops.map((op) => seatOf[op]))) {
    const bytes = peak(model, model.main, folded, inner, (op) => seatOf[op] === seat);
    sum = bytes === null || sum === null ? null : sum + bytes;
  }
  return sum;
}

/** What Collects give that is never stacked, since answers are folded as they come. */
function foldedRows(model: Model): ReadonlySet<ValueId> {
  const rows = new Set<ValueId>();
  for (const op of model.opsOf()) {
    if (op.domain !== DOMAIN.segment || findAttribute(op, 'fold') === undefined) continue;
    const { def } = model.value(op.inputs[op.outputs.length]!);
    if (def.kind === 'op')
      for (const id of model.op(def.op).outputs) if (op.inputs.includes(id)) rows.add(id);
  }
  return rows;
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
