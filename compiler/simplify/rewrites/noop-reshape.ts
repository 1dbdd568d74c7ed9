// A reshape to the shape that the value has, in whichever op it is written.
//
//   a: float32[N, 4] = …
//   b = Reshape(a, {0, 4})   →   a in place of b

import { NO_VALUE, type Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

export const noopReshape = rewrite('noop-reshape', {
  exact: true,
  ops: ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile'],
  apply(op, bench) {
    const [from, to] = [op.inputs[0], op.outputs[0]];
    if (!from || !to) return false;
    return (
      (bench.sameDims(from, to) || keepsAll(op, bench) || repeatsOnce(op, bench)) && bench.forward(op, [from])
    );
  },
});

const repeatsOnce = (op: Op, bench: Workbench): boolean =>
  op.type === 'Tile' && (bench.numbers(op.inputs[1])?.every((times) => times === 1) ?? false);

/** Whether each entry of a target says "as it is", or what it is, but for one that follows from the others. */
function keepsAll(op: Op, bench: Workbench): boolean {
  if (op.type !== 'Reshape' || op.inputs[1] === undefined || op.inputs[1] === NO_VALUE) return false;
  const [dims, target] = [bench.dims(op.inputs[0]), bench.numbers(op.inputs[1])];
  if (dims === undefined || target === undefined || target.length !== dims.length) return false;
  if (op.attributes.some(({ name }) => name === 'allowzero')) return false;
  const kept = target.filter((size, axis) => size === 0 || (size > 0 && size === dims[axis]));
  return (
    kept.length === target.length ||
    (kept.length === target.length - 1 && target.includes(-1) && !kept.includes(0))
  );
}
