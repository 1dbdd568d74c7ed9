// Types that are stated, weights of a file, and containers; each `shows` line is what the editor shows.
import {
  type AnyShape,
  float32,
  input,
  int64,
  loop,
  module,
  optionalOf,
  output,
  sequenceConstruct,
  sequenceMap,
  sequenceOf,
  type Value,
  weights,
} from 'bytesandbrains';

const weight = weights('./model.onnx');

export default module('stated', { opset: 24 }, () => {
  // shows: Value<"float32", ["N", number, 4], "any">
  const x = input('x', float32, ['N', null, 4]);
  // shows: Value<"float32", AnyShape, "any">
  const any = input('any', float32);
  // shows: Value<"float32", [4, 2], "any">
  const w = weight('w', float32, [4, 2]);
  // shows: Value<"float32", ["N", number, 2], "any">
  const product = x.matmul(w);
  // shows: Value<"seq(float32)", AnyShape, "any">
  const sequence = input('sequence', sequenceOf(float32, [null, 4]));
  // shows: Value<"optional(seq(float32))", AnyShape, "any">
  const maybe = input('maybe', optionalOf(sequenceOf(float32)));
  // shows: Value<"float32", AnyShape, "any">
  const element = sequence.sequenceAt(0);
  // shows: Value<"seq(float32)", AnyShape, "any">
  const there = maybe.optionalGetElement();
  // shows: Value<"seq(float32)", AnyShape, "any">
  const made = sequenceConstruct([element, any]);
  const { twice } = sequenceMap(made, [w], (one, beside) => ({ twice: one.add(one).matmul(beside) }));
  // shows: Value<"seq(float32)", AnyShape, "any">
  const mapped = twice;
  const [left, right] = product.split({ numOutputs: 2, axis: 2 });
  // shows: Value<"float32", [number, number, number], "any">
  const sum = left.add(right);
  // shows: Value<"int64", AnyShape, "any">
  const filled = product.shape().constantOfShape({ value: { data: [7], dtype: int64 } });
  // shows: Value<"float32", [number, 4], "any">
  const changing = element.as(float32, [null, 4]);
  const { rows } = loop({ rows: changing }, { count: 3 }, (state, _, going) => ({
    rows: state.rows.relu(),
    while: going,
  }));
  // shows: Value<"float32", [number, 4], "any">
  const last = rows;
  const ranks: readonly Value<'float32', AnyShape>[] = [any, element];
  for (const [index, one] of ranks.entries()) output(`any${index}`, one);
  output('sum', sum);
  output('filled', filled);
  output('last', last);
  output('there', there.sequenceLength());
  output('mapped', mapped.as(sequenceOf(float32)));
});
