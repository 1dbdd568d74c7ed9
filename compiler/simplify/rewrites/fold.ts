// Computes an op whose inputs are constants, within the limits on bytes.

import {
  elementCount,
  NO_VALUE,
  type Op,
  type ValueId,
  type Weight,
  weightByteLength,
  weightOf,
} from '../../../ir/index.ts';
import type { Workbench } from '../workbench.ts';

/** Puts constants in place of the op's results; false if that cannot be done, or is too large. */
export function fold(op: Op, bench: Workbench): boolean {
  if (bench.evaluate === undefined || op.outputs.some((id) => id !== NO_VALUE && !bench.mayBeConstant(id)))
    return false;
  const given = op.inputs.filter((id) => id !== NO_VALUE);
  const weights = given.map((id) => bench.constant(id));
  if (!weights.every((weight) => weight !== undefined)) return false;
  const sizes = weights.map((weight) => weightByteLength(weight) ?? Number.POSITIVE_INFINITY);
  if (sizes.some((size) => size > bench.budget.limits.maxConstantBytes) || tooLarge(op, bench)) return false;
  const inputs = op.inputs.map((id) => (id === NO_VALUE ? undefined : bench.tensor(id)));
  if (op.inputs.some((id, index) => id !== NO_VALUE && inputs[index] === undefined)) return false;
  const outputs = bench.evaluate(op, inputs, bench.opset(op));
  const used = op.outputs.map((id) => id !== NO_VALUE && bench.useCount(id) > 0);
  if (outputs === undefined || used.some((is, index) => is && outputs[index] === undefined)) return false;
  const made = sum(outputs.map((tensor, index) => (used[index] ? tensor!.bytes.length : 0)));
  if (!bench.budget.spend(made, freedBytes(given, weights, bench))) return false;
  const held = outputs.map((tensor, index): Weight | undefined =>
    used[index] ? weightOf(tensor!, bench.value(op.outputs[index]!).name) : undefined,
  );
  bench.makeConstant(op, held);
  return true;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Operators whose results are no larger than what they take, of a size that only computing tells. */
const shrinking = ['Compress', 'NonZero'];

/** By the types alone, before anything is computed. */
const tooLarge = (op: Op, bench: Workbench): boolean =>
  !shrinking.includes(op.type) &&
  op.outputs.some(
    (id) =>
      id !== NO_VALUE &&
      (elementCount(bench.dims(id)) ?? Number.POSITIVE_INFINITY) > bench.budget.limits.maxConstantBytes,
  );

/** Bytes of constants that nothing else reads. */
function freedBytes(given: readonly ValueId[], weights: readonly Weight[], bench: Workbench): number {
  const seen = new Set<ValueId>();
  return sum(
    given.map((id, index) => {
      if (seen.has(id) || bench.useCount(id) > 1) return 0;
      seen.add(id);
      return weightByteLength(weights[index]!) ?? 0;
    }),
  );
}
