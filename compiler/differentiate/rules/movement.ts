// Operators that move elements about without computing with them.

import type { Attribute, ValueId } from '../../../ir/index.ts';
import { type Builder, int, string } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';
import { positions } from './shapes.ts';

/** The same elements in another shape. */
const reshaped: Rule = ({ b, x, dy }) => [b.reshapeLike(dy[0]!, x[0]!)];

/** Adds gradients up at the places of a value that they belong to. */
export function scatter(b: Builder, like: ValueId, places: ValueId, gradient: ValueId): ValueId {
  const sizes = b.sizes(like);
  const count =
    sizes === undefined
      ? b.op('Reshape', [b.op('Size', [like]), b.list([1])])
      : b.list([sizes.reduce((product, size) => product * size, 1)]);
  const added = summed(b, like, gradient, count, (zeros, given) =>
    b.op(
      'ScatterElements',
      [zeros, b.flat(places), b.flat(given)],
      int('axis', 0),
      string('reduction', 'add'),
    ),
  );
  return b.reshapeLike(added, like);
}

/** Adds gradients to zeros; those of 16 bits in float32, for which backends have the operators, and which adds finer. */
function summed(
  b: Builder,
  like: ValueId,
  gradient: ValueId,
  shape: ValueId,
  make: (zeros: ValueId, gradient: ValueId) => ValueId,
): ValueId {
  const dtype = b.dtype(like);
  const isNarrow = dtype === 'float16' || dtype === 'bfloat16';
  const zeros = b.op('Expand', [isNarrow ? b.scalarOf(0, 'float32') : b.scalar(0, like), shape]);
  if (!isNarrow) return make(zeros, gradient);
  return b.cast(make(zeros, b.cast(gradient, 'float32')), dtype);
}

/** For operators that only choose elements: they choose their places too, and each gradient goes back to its place. */
const chosen: Rule = ({ b, op, x, dy }) => {
  const places = b.op(op.type, [positions(b, x[0]!), ...x.slice(1)], ...op.attributes);
  return [scatter(b, x[0]!, places, dy[0]!)];
};

const concat: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  if (x.length === 1) return [dy[0]];
  const axis = b.axis(op, y[0]!, 0);
  const along = x.map((one) => b.dims(one)[axis]);
  const sizes = along.every((dim): dim is number => typeof dim === 'number')
    ? b.list(along)
    : b.op(
        'Concat',
        x.map((one) => b.op('Shape', [one], int('start', axis), int('end', axis + 1))),
        int('axis', 0),
      );
  return b.ops('Split', [dy[0]!, sizes], x.length, int('axis', axis));
};

const split: Rule = ({ b, op, x, y, dy }) => [
  b.op(
    'Concat',
    y.map((part, index) => dy[index] ?? b.zerosLike(part)),
    int('axis', b.axis(op, x[0]!, 0)),
  ),
];

const transpose: Rule = ({ b, op, x, dy }) => {
  const rank = b.rank(x[0]!);
  const perm = b.ints(op, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const inverse: number[] = [];
  perm.forEach((from, to) => {
    inverse[from] = to;
  });
  return [b.transpose(dy[0]!, inverse)];
};

const expand: Rule = ({ b, x, y, dy }) => [b.unbroadcast(dy[0]!, x[0]!, y[0]!)];

/** Each axis becomes two, repeats and size, and the repeats are summed. */
const tile: Rule = ({ b, x, dy }) => {
  const rank = b.rank(x[0]!);
  const [one, shape] = [b.list([1]), b.shapeOf(x[0]!)];
  const column = (value: ValueId): ValueId => b.op('Unsqueeze', [value, one]);
  const pairs = b.flat(b.op('Concat', [column(x[1]!), column(shape)], int('axis', 1)));
  const apart = b.reshape(dy[0]!, pairs);
  return [
    b.sum(
      apart,
      Array.from({ length: rank }, (_, axis) => 2 * axis),
    ),
  ];
};

const pad: Rule = (step) => {
  const { b, op, x, dy } = step;
  if (b.string(op, 'mode', 'constant') !== 'constant') {
    const places = b.op('Pad', [positions(b, x[0]!), x[1]!, 0 as ValueId, ...x.slice(3)], ...op.attributes);
    return [scatter(b, x[0]!, places, dy[0]!)];
  }
  // What was added is taken away, and the other way round.
  const back = b.op('Pad', [dy[0]!, b.neg(x[1]!), 0 as ValueId, ...x.slice(3)]);
  if (!step.wants(2)) return [back];
  const filled = b.op('ReduceSum', [dy[0]!], int('keepdims', 0));
  const given = b.op('ReduceSum', [back], int('keepdims', 0));
  return [back, undefined, b.reshapeLike(b.sub(filled, given), x[2]!)];
};

const sameAgain: Rule = ({ b, op, x, dy }) => [b.op(op.type, [dy[0]!, ...x.slice(1)], ...op.attributes)];

const gather: Rule = ({ b, op, x: [x, indices], dy }) => {
  const axis = b.axis(op, x!, 0);
  const rank = b.rank(x!);
  if (axis > 0 || b.rank(indices!) === 0) {
    const places = b.op('Gather', [positions(b, x!), indices!], int('axis', axis));
    return [scatter(b, x!, places, dy[0]!)];
  }
  // Rows, as of an embedding: whole rows are added up.
  if (rank === 1 && b.rank(indices!) === 1) {
    return [
      summed(b, x!, dy[0]!, b.shapeOf(x!), (zeros, given) =>
        b.op('ScatterElements', [zeros, indices!, given], string('reduction', 'add')),
      ),
    ];
  }
  const rows = b.op('Unsqueeze', [indices!, b.list([-1])]);
  return [
    summed(b, x!, dy[0]!, b.shapeOf(x!), (zeros, given) =>
      b.op('ScatterND', [zeros, rows, given], string('reduction', 'add')),
    ),
  ];
};

const gatherElements: Rule = ({ b, op, x: [x, indices], dy }) => [
  summed(b, x!, dy[0]!, b.shapeOf(x!), (zeros, given) =>
    b.op(
      'ScatterElements',
      [zeros, indices!, given],
      int('axis', b.int(op, 'axis', 0)),
      string('reduction', 'add'),
    ),
  ),
];

const gatherND: Rule = (step) => {
  const { b, op, x, dy } = step;
  if (b.int(op, 'batch_dims', 0) !== 0) return chosen(step);
  return [
    summed(b, x[0]!, dy[0]!, b.shapeOf(x[0]!), (zeros, given) =>
      b.op('ScatterND', [zeros, x[1]!, given], string('reduction', 'add')),
    ),
  ];
};

/** Each factor times the product of the others, which is told by how many of them are zero. */
function multiplied(
  step: Step,
  put: 'ScatterElements' | 'ScatterND',
  at: (value: ValueId) => ValueId,
  axis: readonly Attribute[],
): readonly (ValueId | undefined)[] {
  const { b, op, x, dy } = step;
  const [data, indices, updates] = x as [ValueId, ValueId, ValueId];
  const [zero, one] = [b.scalar(0, data), b.scalar(1, data)];
  const isZero = (value: ValueId): ValueId => b.op('Equal', [value, zero]);
  const marked = (value: ValueId): ValueId => b.where(isZero(value), one, zero);
  const other = (value: ValueId): ValueId => b.where(isZero(value), one, value);
  const zeros = b.op(put, [marked(data), indices, marked(updates)], ...axis, string('reduction', 'add'));
  const product = b.op(put, [other(data), indices, other(updates)], ...op.attributes);
  const part = (value: ValueId, place: (of: ValueId) => ValueId): ValueId => {
    const rest = b.mul(place(dy[0]!), b.div(place(product), other(value)));
    return b.where(b.op('Greater', [place(zeros), marked(value)]), zero, rest);
  };
  return [
    step.wants(0) ? part(data, (of) => of) : undefined,
    undefined,
    step.wants(2) ? part(updates, at) : undefined,
  ];
}

/** `take` reads at the indices what `put` writes there. */
const scattered =
  (put: 'ScatterElements' | 'ScatterND', take: 'GatherElements' | 'GatherND'): Rule =>
  (step) => {
    const { b, op, x, y, dy } = step;
    const [data, indices, updates] = x as [ValueId, ValueId, ValueId];
    const axis = put === 'ScatterElements' ? [int('axis', b.int(op, 'axis', 0))] : [];
    const at = (value: ValueId): ValueId => b.op(take, [value, indices], ...axis);
    const given = dy[0]!;
    switch (b.string(op, 'reduction', 'none')) {
      case 'none':
        return [
          step.wants(0) ? b.op(put, [given, indices, b.zerosLike(updates)], ...axis) : undefined,
          step.wants(2) ? at(given) : undefined,
        ].flatMap((one, index) => (index === 1 ? [undefined, one] : [one]));
      case 'add':
        return [given, undefined, step.wants(2) ? at(given) : undefined];
      case 'mul':
        return multiplied(step, put, at, axis);
      default: {
        // The largest, or the smallest: who is the result gets the gradient, several of them each a share.
        const add = string('reduction', 'add');
        const [zero, one] = [b.scalar(0, data), b.scalar(1, data)];
        const kept = b.where(b.op('Equal', [data, y[0]!]), one, zero);
        const won = b.where(b.op('Equal', [updates, at(y[0]!)]), one, zero);
        const share = b.div(given, b.op(put, [kept, indices, won], ...axis, add));
        const untouched = b.op('Equal', [kept, zero]);
        return [
          step.wants(0) ? b.where(untouched, zero, share) : undefined,
          undefined,
          step.wants(2) ? b.mul(at(share), won) : undefined,
        ];
      }
    }
  };

const topK: Rule = ({ b, op, x, y, dy }) => {
  const axis = b.int(op, 'axis', -1);
  return [b.op('ScatterElements', [b.zerosLike(x[0]!), y[1]!, dy[0]!], int('axis', axis))];
};

const depthToSpace: Rule = ({ b, op, x, dy }) => {
  const size = b.int(op, 'blocksize', 1);
  const back = b.op('SpaceToDepth', [dy[0]!], int('blocksize', size));
  if (b.string(op, 'mode', 'DCR') === 'DCR') return [back];
  // CRD: channels are [C, blocks] where SpaceToDepth makes [blocks, C].
  const parts = [
    b.op('Shape', [back], int('end', 1)),
    b.list([size * size, -1]),
    b.op('Shape', [back], int('start', 2)),
  ];
  const apart = b.op('Reshape', [back, b.op('Concat', parts, int('axis', 0))]);
  return [b.reshapeLike(b.transpose(apart, [0, 2, 1, 3, 4]), x[0]!)];
};

const spaceToDepth: Rule = ({ b, op, dy }) => [
  b.op('DepthToSpace', [dy[0]!], int('blocksize', b.int(op, 'blocksize', 1))),
];

export const movement: Rules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Slice: chosen,
  Compress: chosen,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scattered('ScatterElements', 'GatherElements'),
  ScatterND: scattered('ScatterND', 'GatherND'),
  TopK: topK,
  ReverseSequence: sameAgain,
  Trilu: sameAgain,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
