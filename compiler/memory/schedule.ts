// How much memory the values of a graph take while a backend runs its ops in their order.

import {
  byteLengthOfType,
  capturesOf,
  type GraphId,
  type Model,
  NO_VALUE,
  type ValueId,
} from '../../ir/index.ts';

/** Bytes of a value at most, or the reason why nobody can say. */
export type SizeOf = (model: Model, value: ValueId) => number | string;

const stated: SizeOf = (model, id) => {
  const { name, type } = model.value(id);
  return byteLengthOfType(type) ?? name;
};

/** Largest sum of bytes of values alive at once, weights not; null if the size of one is not known when compiling. */
export function activationBytes(model: Model): number | null {
  const bytes = peakOf(model, model.main, stated);
  return typeof bytes === 'number' ? bytes : null;
}

/** The same of one graph, without the values that are counted elsewhere. */
export function peakOf(
  model: Model,
  graph: GraphId,
  sizeOf: SizeOf,
  ignored: ReadonlySet<ValueId> = new Set(),
): number | string {
  const { ops, inputs, outputs } = model.graph(graph);
  const last = new Map<ValueId, number>();
  ops.forEach((id, step) => {
    const op = model.op(id);
    for (const value of [...op.inputs, ...capturesOf(model, op)]) last.set(value, step);
  });
  for (const value of outputs) last.set(value, ops.length);

  const dying: number[] = ops.map(() => 0);
  let alive = 0;
  let largest = 0;
  let open: string | undefined;
  const born = (value: ValueId, step: number): void => {
    if (value === NO_VALUE || ignored.has(value)) return;
    const bytes = sizeOf(model, value);
    if (typeof bytes === 'string') open ??= bytes;
    else {
      alive += bytes;
      const end = last.get(value) ?? step;
      if (end < ops.length) dying[end]! += bytes;
    }
  };
  for (const value of inputs) if (model.value(value).weight === undefined) born(value, 0);
  for (const [step, id] of ops.entries()) {
    for (const value of model.op(id).outputs) born(value, step);
    largest = Math.max(largest, alive);
    alive -= dying[step]!;
  }
  return open ?? Math.max(largest, alive);
}
