// Softmax, LogSoftmax and Hardmax 11 → 13: over everything from an axis on, then over one axis.
//
//   y = Softmax<axis = 1>(x)          opset 11
//
//   flat = Flatten<axis = 1>(x)       opset 13
//   soft = Softmax(flat)
//   y = Reshape(soft, Shape(x))

import { findAttribute } from '../../graph.ts';
import { type Adapter, intAttribute, intsAttribute, newOp, withAttributes } from '../form.ts';

/** Since this opset, a reshape can make a dimension of size 0 that is not copied. */
const ALLOW_ZERO_SINCE = 14;

export const overOneAxis: Adapter = (op, bench) => {
  const [x, y] = [op.inputs[0]!, op.outputs[0]!];
  const axis = findAttribute(op, 'axis');
  const rank = bench.rankOf(x);
  if (axis?.kind !== 'reference' && rank !== undefined) {
    const at = bench.int(op, 'axis', 1);
    if ((at + rank) % rank === rank - 1) return withAttributes(op, intAttribute('axis', -1));
  }
  const [flat, soft, shape] = [bench.value(x, 'flat'), bench.value(y, 'flat'), bench.value(x, 'shape')];
  const zeros = bench.target < ALLOW_ZERO_SINCE ? [] : [intAttribute('allowzero', 1)];
  return [
    newOp('Shape', [x], [shape]),
    newOp('Flatten', [x], [flat], ...(axis === undefined ? [] : [axis])),
    { ...op, inputs: [flat], outputs: [soft], attributes: [intAttribute('axis', -1)] },
    {
      ...newOp('Reshape', [soft, shape], [y], ...zeros),
      ...(zeros.length > 0 && { version: ALLOW_ZERO_SINCE }),
    },
  ];
};

/** 13 → 11: the axis is made the last one, over which both versions compute the same. */
export const overLastAxis: Adapter = (op, bench) => {
  const [x, y] = [op.inputs[0]!, op.outputs[0]!];
  const rank = bench.rankOf(x) ?? bench.refuse('the rank of its input is not known');
  const axis = (bench.int(op, 'axis', -1) + rank) % rank;
  const last = intAttribute('axis', rank - 1);
  if (axis === rank - 1) return withAttributes(op, last);
  const perm = Array.from({ length: rank }, (_, at) =>
    at === axis ? rank - 1 : at === rank - 1 ? axis : at,
  );
  const [turned, soft] = [bench.value(x, 'turned'), bench.value(y, 'turned')];
  return [
    newOp('Transpose', [x], [turned], intsAttribute('perm', perm)),
    withAttributes({ ...op, inputs: [turned], outputs: [soft] }, last),
    newOp('Transpose', [soft], [y], intsAttribute('perm', perm)),
  ];
};
