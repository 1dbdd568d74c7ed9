// A slice of everything, step by step; a split into one part.
//
//   a: float32[N, 4] = …
//   b = Slice(a, starts = {0}, ends = {4}, axes = {1})   →   a in place of b

import { attributeInts, NO_VALUE, type Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

export const noopSlice = rewrite('noop-slice', {
  exact: true,
  ops: ['Slice', 'Split'],
  apply(op, bench) {
    const [from, to] = [op.inputs[0], op.outputs[0]];
    if (!from || !to || op.outputs.length !== 1) return false;
    if (
      op.type === 'Slice' &&
      !(stepsForward(op, bench) && (bench.sameDims(from, to) || takesAll(op, bench)))
    )
      return false;
    if (op.type === 'Split' && !bench.sameDims(from, to)) return false;
    return bench.forward(op, [from]);
  },
});

/** Backwards, a slice of the same shape has its elements the other way round. */
const stepsForward = (op: Op, bench: Workbench): boolean =>
  (op.inputs[4] ?? NO_VALUE) === NO_VALUE ||
  (bench.numbers(op.inputs[4])?.every((step) => step === 1) ?? false);

/** No axis is longer, whatever its length is. */
const TO_THE_END = 2 ** 31 - 1;

function takesAll(op: Op, bench: Workbench): boolean {
  const starts = attributeInts(op, 'starts') ?? bench.numbers(op.inputs[1]);
  const ends = attributeInts(op, 'ends') ?? bench.numbers(op.inputs[2]);
  return (
    starts !== undefined &&
    ends !== undefined &&
    starts.every((start) => start === 0) &&
    ends.every((end) => end >= TO_THE_END)
  );
}
