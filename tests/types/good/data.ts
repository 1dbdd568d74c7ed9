// Batches of a data source: the size asked for is in the type where it is known, the place always.

import {
  cohort,
  collect,
  constant,
  dataSource,
  float32,
  int64,
  module,
  on,
  output,
  peer,
  state,
  type Value,
} from 'bytesandbrains';

export default module('data', () => {
  const at = cohort('phone').each;
  const fields = { image: [float32, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;
  const train = dataSource('train', { at, fields });
  const step = state('step', constant(0n), { at });
  const { image, label } = train.batch(step.read(), 32);
  const typed: Value<'float32', [32, 1, 28, 28], 'phone.each'> = image;
  const labels: Value<'int64', [32], 'phone.each'> = label;
  const rest = train.batch(0, 500, { last: 'keep' });
  const open: Value<'float32', [number, 1, 28, 28], 'phone.each'> = rest.image;
  const count: Value<'int64', [], 'phone.each'> = train.size();
  const all = train.batch(0, count);
  const whole: Value<'int64', [number], 'phone.each'> = all.label;
  const flat: Value<'float32', [32, 784], 'phone.each'> = on(at, () => typed.reshape([32, 784]));
  const c = collect({ flat, labels, whole, open }, { at: peer('server') });
  output('flat', c.flat);
  output('labels', c.labels);
});
