// Uses that must compile; each `shows` line is what the editor shows for the declaration below it.
import {
  broadcast,
  cohort,
  collect,
  concat,
  constant,
  float16,
  float32,
  ifElse,
  input,
  int64,
  loop,
  matmul,
  max,
  module,
  on,
  onnx,
  output,
  peer,
  scan,
  secret,
  state,
  type Tensor,
  uint32,
  type Value,
  where,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

const dense = module('dense', <N extends number | string>(x: Value<'float32', [N, 784], string>) => {
  const w = constant(new Float32Array(7840), float32, [784, 10]);
  return x.matmul(w);
});

export default module('good', () => {
  // shows: Value<"float32", ["N", 784], "any">
  const x = input('x', float32, ['N', 784]);
  // shows: Value<"float32", ["N", 10], "any">
  const h = dense(x);
  // shows: Value<"float32", ["N", 794], "any">
  const c = concat([x, h], { axis: 1 });
  // shows: Value<"float16", ["N", 794], "any">
  const half = c.mul(2).cast({ to: float16 });
  // shows: Value<"float32", ["N", 1], "any">
  const sum = h.reduceSum({ axes: [-1] });
  // shows: Value<"float32", [10, "N"], "any">
  const flipped = h.transpose();
  // shows: Value<"float32", ["N", 28, 28], "any">
  const image = x.reshape([0, 28, 28]);
  // shows: Value<"float32", ["N", 1, 28, 28], "any">
  const channels = image.unsqueeze([1]);
  // shows: Value<"float32", ["N"], "any">
  const bright = channels.reduceMax({ axes: [1, 2, -1], keepdims: false });
  // shows: Value<"float32", [28, 28], "any">
  const bare = channels.as(float32, [1, 1, 28, 28]).squeeze({ axes: [0, 1] });
  // shows: Value<"int64", ["N"], "any">
  const best = h.argMax({ axis: 1, keepdims: false });
  // shows: Value<"float32", ["N", 10], "any">
  const picked = where(h.greater(0), h, 0);
  // shows: Value<"float32", ["N", 10], "any">
  const most = max([h, picked]);
  // shows: Value<"float32", ["N", 10], "server">
  const there = on(server, () => most.softmax());
  // shows: Value<"float32", [4], "phone.each">
  const local = input('local', float32, [4], { at: phones.each, private: true });
  // shows: Value<"uint32", [2, 3], "phone.each">
  const mask = secret(uint32, [2, 3], { at: phones.each });
  // shows: Value<"int64", [], "any">
  const bits = secret(int64, []);
  const { local: all, senders } = collect({ local }, { at: server, within: '2s', atLeast: 1 });
  // shows: Value<"float32", [number, 4], "server">
  const stacked = all;
  // shows: Value<"float32", [4], "phone.each">
  const sent = broadcast(all.reduceMean({ axes: [0], keepdims: false }), phones.each, { within: '5s' });
  const total = state('total', constant([0, 0, 0, 0]), { at: server });
  // shows: Value<"float32", [4], "server">
  const updated = total.update((value) => value.add(stacked.reduceSum({ axes: [0], keepdims: false })));
  const { values, indices } = h.topK([3]);
  const { relu } = onnx('./model.onnx', { outputs: ['relu'] })({ x });
  // shows: Value<"float32", ["N", 10], "any">
  const known = relu.add(1).as(float32, ['N', 10]);
  const normal = h.batchNormalization(constant([1]), constant([0]), constant([0]), constant([1]));
  // shows: Value<"float32", ["N", 10], "any">
  const chosen = ifElse(
    sum.reduceMax({ keepdims: false }).greater(0),
    () => h.relu(),
    () => picked,
  );
  const { state: last, seen } = loop({ state: chosen }, { count: 3 }, (carried, index) => ({
    state: carried.state.add(index.cast({ to: float32 })),
    seen: carried.state,
  }));
  // shows: Value<"float32", ["N", 10], "any">
  const end = last;
  // shows: Value<"float32", [number, "N", 10], "any">
  const history = seen;
  const swept = scan({ total: constant([0, 0]) }, { row: constant([[1, 2]]) }, (carried, { row }) => ({
    total: carried.total.add(row),
  }));
  // shows: Value<"float32", [2], "any">
  const total2 = swept.total;
  const anyRank = (v: Tensor<'float32'>): Tensor<'float32'> => matmul(v, v);
  const results: readonly Tensor[] = [
    half,
    sum,
    flipped,
    channels,
    bright,
    bare,
    best,
    there,
    sent,
    updated,
    values,
    indices,
    known,
    end,
    history,
    total2,
  ];
  for (const [index, result] of results.entries()) output(`y${index}`, result);
  output('senders', senders.cast({ to: int64 }));
  output('normal', normal.runningMean.orElse(0).when(normal.present()));
  output('bits', bits.bitwiseNot());
  output(
    'mask',
    on(phones.each, () => mask.bitwiseNot()),
  );
  output('any', anyRank(h));
});
