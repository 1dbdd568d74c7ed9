// Operators that put what they read in another place of a larger or a smaller tensor.

import { NO_VALUE, type ValueId } from '../../../ir/index.ts';
import { int, ints, string } from '../builder.ts';
import { inOtherWords } from '../in-other-words.ts';
import type { Rule, Rules } from '../rule.ts';
import { rotated } from '../scaled.ts';
import { positions, unit } from './shapes.ts';

/** Blocks summed at their places: their gradients are read there, by a convolution with one kernel for each element of a block. */
const columnsToImage: Rule = ({ b, op, x, dy }) => {
  const [columns, , block] = x as [ValueId, ValueId, ValueId];
  const count = b.op('Reshape', [b.op('ReduceProd', [block]), b.list([1])]);
  const kernel = b.op('Reshape', [
    unit(b, count, columns),
    b.op('Concat', [b.list([-1, 1]), block], int('axis', 0)),
  ]);
  const alone = b.op('Concat', [b.list([-1, 1]), b.op('Shape', [dy[0]!], int('start', 2))], int('axis', 0));
  const read = b.op('Conv', [b.op('Reshape', [dy[0]!, alone]), kernel], ...op.attributes);
  return [b.reshapeLike(read, columns)];
};

/** What was cut off is put back as zeros, and the other way round. */
const centerCropPad: Rule = ({ b, op, x, dy }) => {
  const axes = b.ints(op, 'axes');
  const shape = b.shapeOf(x[0]!);
  const rank = b.rank(x[0]!);
  const given =
    axes === undefined
      ? shape
      : b.op('Gather', [shape, b.list(axes.map((axis) => (axis < 0 ? axis + rank : axis)))]);
  return [b.op('CenterCropPad', [dy[0]!, given], ...(axes === undefined ? [] : [ints('axes', axes)]))];
};

/** Rows written into a cache: the op writes ones, and places, as it writes numbers. */
const tensorScatter: Rule = (step) => {
  const { b, op, x, dy } = step;
  const [past, update, at] = x as [ValueId, ValueId, ValueId | undefined];
  const written = (into: ValueId, what: ValueId): ValueId =>
    b.op('TensorScatter', [into, what, ...(at ? [at] : [])], ...op.attributes);
  const none = b.scalarOf(-1, 'int64');
  const places = written(b.op('Expand', [none, b.shapeOf(past)]), positions(b, update));
  const toUpdate = (): ValueId => {
    const size = b.op('Reshape', [b.op('Size', [update]), b.list([1])]);
    // What was not written goes to one place more.
    const zeros = b.op('Expand', [b.scalar(0, update), b.add(size, b.list([1]))]);
    const kept = b.where(b.op('Less', [places, b.scalarOf(0, 'int64')]), size, places);
    const sums = b.op(
      'ScatterElements',
      [zeros, b.flat(kept), b.flat(dy[0]!)],
      int('axis', 0),
      string('reduction', 'add'),
    );
    return b.reshapeLike(b.op('Slice', [sums, b.list([0]), size]), update);
  };
  const isOld = b.op('Less', [places, b.scalarOf(0, 'int64')]);
  return [
    step.wants(0) ? b.where(isOld, dy[0]!, b.scalar(0, past)) : undefined,
    step.wants(1) ? toUpdate() : undefined,
  ];
};

/** A rotation: the other way round, by the same angles. */
const rotaryEmbedding: Rule = (step) => {
  const { b, op, x, dy } = step;
  if (step.wants(1) || step.wants(2)) return rotatedInOtherWords(step);
  const [, cosines, sines, at] = x as [ValueId, ValueId, ValueId, ValueId | undefined];
  return [
    b.op(
      'RotaryEmbedding',
      [dy[0]!, cosines, b.neg(sines), at ?? NO_VALUE].slice(0, x.length),
      ...op.attributes,
    ),
  ];
};
const rotatedInOtherWords = inOtherWords(rotated);

/** start, start + delta, … */
const range: Rule = (step) => {
  const { b, x, dy } = step;
  const sum = (value: ValueId): ValueId => b.op('ReduceSum', [value], int('keepdims', 0));
  const steps = (): ValueId => {
    const count = b.op('Size', [dy[0]!]);
    const row = b.op('Range', [b.scalarOf(0, 'int64'), count, b.scalarOf(1, 'int64')]);
    return sum(b.mul(dy[0]!, b.cast(row, b.dtype(x[0]!))));
  };
  return [step.wants(0) ? sum(dy[0]!) : undefined, undefined, step.wants(2) ? steps() : undefined];
};

export const placing: Rules = {
  Col2Im: columnsToImage,
  CenterCropPad: centerCropPad,
  TensorScatter: tensorScatter,
  RotaryEmbedding: rotaryEmbedding,
  Range: range,
};
