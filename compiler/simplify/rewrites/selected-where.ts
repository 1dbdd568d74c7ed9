// A condition that is the same everywhere selects one side.
//
//   c = {true}
//   y = Where(c, a, b)   →   a in place of y, if the result has its shape
//
// Not of floats: ONNX Runtime adds what it selects of both sides, which makes 0 of -0.

import { rewrite } from '../rewrite.ts';

export const selectedWhere = rewrite('selected-where', {
  exact: true,
  ops: ['Where'],
  apply(op, bench) {
    const dtype = bench.dtype(op.outputs[0]);
    if (dtype === undefined || dtype.includes('float') || dtype.startsWith('complex')) return false;
    const choices = new Set(bench.numbers(op.inputs[0]));
    if (choices.size !== 1) return false;
    const chosen = op.inputs[choices.has(0) ? 2 : 1]!;
    return bench.sameDims(chosen, op.outputs[0]!) && bench.forward(op, [chosen]);
  },
});
