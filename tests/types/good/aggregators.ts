// Any aggregator stands where another does, and takes the axis of the members away.

import {
  cohort,
  collect,
  float32,
  input,
  int64,
  module,
  output,
  peer,
  type Value,
  weightedMean,
} from 'bytesandbrains';
import { type Combine, foldedMean, krum, median } from 'bytesandbrains/aggregators';

const [server, phones] = [peer('server'), cohort('phone')];

export default module('m', () => {
  const a = input('a', float32, [3, 2], { at: phones.each });
  const n = input('n', int64, [], { at: phones.each });
  const rows = collect({ a, n }, { at: server });
  // shows: Value<"float32", [3, 2], "server">
  const middle = median()(rows.a, rows.n);
  // shows: { readonly a: Value<"float32", [3, 2], "server">; }
  const nearest = krum({ f: 1 })({ a: rows.a }, rows.n);
  // shows: Value<"float32", [3, 2], "server">
  const mean = foldedMean(a, n, { at: server }).mean;
  const same: Value<'float32', [3, 2], 'server'> = middle;
  const any: readonly Combine[] = [weightedMean, median(), krum({ f: 1 })];
  output('middle', same);
  output('nearest', nearest.a);
  output('mean', mean);
  any.forEach((combine, at) => {
    output(`any ${at}`, combine(rows.a, rows.n));
  });
});
