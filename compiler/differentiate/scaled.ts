// Operators that scale or rotate by what they are given, in other operators: DequantizeLinear (opset 10 and later) and
// RotaryEmbedding (opset 23).

import { attributeInt, type Op, type ValueId } from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';

/** (x - zero) · scale: one scale for all, for each slice along an axis, or for each block of slices. */
export function dequantized(b: Builder, op: Op): readonly ValueId[] {
  const [x, scale, zero] = op.inputs as [ValueId, ValueId, ValueId | undefined];
  const [rank, block] = [b.rank(x), attributeInt(op, 'block_size', 0)];
  const axis = b.axis(op, x, 1);
  const spread = (value: ValueId): ValueId => {
    if (block !== 0) {
      const size = b.op('Squeeze', [b.op('Shape', [x], int('start', axis), int('end', axis + 1))]);
      const slices = b.op('Range', [b.scalarOf(0, 'int64'), size, b.scalarOf(1, 'int64')]);
      return b.op('Gather', [value, b.op('Div', [slices, b.scalarOf(block, 'int64')])], int('axis', axis));
    }
    if (rank < 2 || b.rank(scale) === 0) return value;
    const isOne = b.dims(scale)[0] === 1;
    return b.op('Reshape', [
      value,
      b.list(Array.from({ length: rank }, (_, at) => (at === axis && !isOne ? -1 : 1))),
    ]);
  };
  const wide = (value: ValueId): ValueId => b.cast(value, b.dtype(scale));
  const steps = zero ? b.sub(wide(x), spread(wide(zero))) : wide(x);
  const y = b.op('Mul', [steps, spread(scale)]);
  const wanted = attributeInt(op, 'output_dtype', 0);
  return [wanted === 0 ? y : b.op('Cast', [y], int('to', wanted))];
}

/** Pairs of numbers, turned by angles of which cosine and sine are given. */
export function rotated(b: Builder, op: Op): readonly ValueId[] {
  const [x, cosines, sines, at] = op.inputs as [ValueId, ValueId, ValueId, ValueId | undefined];
  const heads = attributeInt(op, 'num_heads', 0);
  const isFlat = b.rank(x) === 3;
  const apart = isFlat ? b.transpose(b.op('Reshape', [x, b.list([0, 0, heads, -1])]), [0, 2, 1, 3]) : x;
  const last = b.list([-1]);
  const end = b.list([Number.MAX_SAFE_INTEGER]);
  const part = (from: ValueId, start: ValueId, stop: ValueId, step = 1): ValueId =>
    b.op('Slice', [from, start, stop, last, b.list([step])]);
  const partial = attributeInt(op, 'rotary_embedding_dim', 0);
  const size = partial > 0 ? b.list([partial]) : b.op('Shape', [apart], int('start', 3));
  const turning = part(apart, b.list([0]), size);
  const half = b.op('Div', [size, b.list([2])]);
  const isInterleaved = attributeInt(op, 'interleaved', 0) !== 0;
  const [first, second] = isInterleaved
    ? [part(turning, b.list([0]), end, 2), part(turning, b.list([1]), end, 2)]
    : [part(turning, b.list([0]), half), part(turning, half, end)];
  // [batch, 1, steps, pairs]
  const angles = (cache: ValueId): ValueId =>
    b.op('Unsqueeze', [at ? b.op('Gather', [cache, at], int('axis', 0)) : cache, b.list([1])]);
  const [c, s] = [angles(cosines), angles(sines)];
  const mul = (left: ValueId, right: ValueId): ValueId => b.op('Mul', [left, right]);
  const real = b.sub(mul(first, c), mul(second, s));
  const imaginary = b.add(mul(first, s), mul(second, c));
  const together = isInterleaved
    ? b.op('Reshape', [
        b.op(
          'Concat',
          [real, imaginary].map((one) => b.op('Unsqueeze', [one, last])),
          int('axis', -1),
        ),
        b.list([0, 0, 0, -1]),
      ])
    : b.op('Concat', [real, imaginary], int('axis', -1));
  const whole = b.op('Concat', [together, part(apart, size, end)], int('axis', -1));
  if (!isFlat) return [whole];
  return [b.op('Reshape', [b.transpose(whole, [0, 2, 1, 3]), b.list([0, 0, -1])])];
}
