// BatchNormalization and GroupNormalization: what their outputs and their scales mean.

import { NO_VALUE, type ValueId } from '../../graph.ts';
import { elemTypeOf } from '../../types.ts';
import {
  type Adapter,
  type Form,
  intAttribute,
  intsAttribute,
  newOp,
  withAttributes,
  withoutAttributes,
} from '../form.ts';
import type { Workbench } from '../workbench.ts';

const DEFAULT_EPSILON = 1e-5;

/**
 * BatchNormalization 7 → 9: with `spatial = 0`, scale, bias, mean and variance are those of each element, not of
 * each channel:
 *
 *   y = x · scale / √(variance + ε) + (bias - mean · scale / √(variance + ε))
 */
export const perElement: Adapter = (op, bench) => {
  if (bench.int(op, 'spatial', 1) !== 0) return withoutAttributes(op, 'spatial');
  if (op.outputs.slice(1).some((id) => id !== NO_VALUE))
    return bench.refuse('it trains over single elements (spatial = 0), which opset 9 took out');
  const [x, scale, bias, mean, variance] = op.inputs as [ValueId, ValueId, ValueId, ValueId, ValueId];
  const y = op.outputs[0]!;
  const epsilon = bench.scalarLike(bench.float(op, 'epsilon') ?? DEFAULT_EPSILON, variance, 'epsilon');
  const named = (suffix: string): ValueId => bench.value(y, suffix);
  const [sum, root, inverse] = [named('variance'), named('deviation'), named('inverse')];
  const [factor, shift, shifted, scaled] = [named('factor'), named('mean'), named('shift'), named('scaled')];
  return [
    ...epsilon.ops,
    newOp('Add', [variance, epsilon.id], [sum]),
    newOp('Sqrt', [sum], [root]),
    newOp('Reciprocal', [root], [inverse]),
    newOp('Mul', [inverse, scale], [factor]),
    newOp('Mul', [mean, factor], [shift]),
    newOp('Sub', [bias, shift], [shifted]),
    newOp('Mul', [x, factor], [scaled]),
    { ...newOp('Add', [scaled, shifted], [y]), ...(op.id !== undefined && { id: op.id }) },
  ];
};

/**
 * BatchNormalization 9 → 14: several outputs meant training, which an attribute says now; the statistics of the
 * batch itself are no output any more.
 */
export const statedTraining: Adapter = (op, bench) => {
  const [y, mean = NO_VALUE, variance = NO_VALUE, batchMean = NO_VALUE, batchVariance = NO_VALUE] =
    op.outputs;
  if (op.outputs.slice(1).every((id) => id === NO_VALUE)) return { ...op, outputs: [y!] };
  const outputs = [y!, mean || bench.value(y!, 'mean'), variance || bench.value(y!, 'variance')];
  const trained = withAttributes({ ...op, outputs }, intAttribute('training_mode', 1));
  return [trained, ...statistics(op, batchMean, batchVariance, bench)];
};

/** Over everything but the channels, for any rank: [N, C, rest]. */
function statistics(op: Form, mean: ValueId, variance: ValueId, bench: Workbench): readonly Form[] {
  if (mean === NO_VALUE && variance === NO_VALUE) return [];
  const x = op.inputs[0]!;
  const [flat, center] = [bench.value(x, 'flat'), bench.value(x, 'center')];
  const [distance, square] = [bench.value(x, 'distance'), bench.value(x, 'square')];
  const over = (type: string, from: ValueId, to: ValueId, keep: number): Form =>
    newOp(type, [from], [to], intsAttribute('axes', [0, 2]), intAttribute('keepdims', keep));
  const forms = [newOp('Reshape', [x, bench.ints64([0, 0, -1], 'shape')], [flat])];
  if (mean !== NO_VALUE) forms.push(over('ReduceMean', flat, mean, 0));
  if (variance === NO_VALUE) return forms;
  return [
    ...forms,
    over('ReduceMean', flat, center, 1),
    newOp('Sub', [flat, center], [distance]),
    newOp('Mul', [distance, distance], [square]),
    over('ReduceMean', square, variance, 0),
  ];
}

/** BatchNormalization 14 → 9. */
export const impliedTraining: Adapter = (op, bench) => {
  if (bench.int(op, 'training_mode', 0) !== 0)
    return bench.refuse('it trains; earlier versions leave open what that computes');
  return withoutAttributes(op, 'training_mode');
};

/**
 * GroupNormalization 18 → 21: scale and bias are of each channel, not of each group, so that each is repeated for
 * the channels of its group. The older version computes in the type of its input.
 */
export const perChannel: Adapter = (op, bench) => {
  const [x, scale, bias] = op.inputs as [ValueId, ValueId, ValueId];
  const groups = bench.int(op, 'num_groups', 1);
  const named = (suffix: string): ValueId => bench.value(op.outputs[0]!, suffix);
  const [channels, perGroup, repeats] = [named('channels'), named('per_group'), named('repeats')];
  const forms = [
    newOp('Shape', [x], [channels], intAttribute('start', 1), intAttribute('end', 2)),
    newOp('Div', [channels, bench.ints64([groups], 'groups')], [perGroup]),
    newOp('Concat', [bench.ints64([groups], 'groups'), perGroup], [repeats], intAttribute('axis', 0)),
  ];
  const repeated = [scale, bias].map((id) => {
    const [column, rows, all] = [
      bench.value(id, 'column'),
      bench.value(id, 'rows'),
      bench.value(id, 'channels'),
    ];
    forms.push(
      newOp('Reshape', [id, bench.ints64([-1, 1], 'column')], [column]),
      newOp('Expand', [column, repeats], [rows]),
      newOp('Reshape', [rows, bench.ints64([-1], 'flat')], [all]),
    );
    return all;
  });
  const dtype = bench.dtypeOf(x);
  const stash =
    dtype === undefined || dtype === 'float32' ? [] : [intAttribute('stash_type', elemTypeOf(dtype))];
  return [...forms, withAttributes({ ...op, inputs: [x, ...repeated] }, ...stash)];
};
