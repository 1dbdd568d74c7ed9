// Program 1 of the semantics: a thousand steps on one peer. The cursor into the data is state of the graph.

import {
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  peer,
  state,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { adam, train } from '../../../dsl/optim/index.ts';

const server = peer('server');
export const topology = { version: 1, classes: { server: {} } };

export default module('one-peer', () => {
  const data = dataSource('train', {
    at: server,
    fields: { x: [float32, ['N', 4]], y: [float32, ['N', 1]] },
  });
  const step = state('steps', constant(0, int64), { at: server });
  const w = state('w', constant([[0], [0], [0], [0]]), { at: server });
  entry('step', server, () => {
    const s = step.update((before) => before.add(1n));
    const { x, y } = data.batch(s, 32);
    const now = w.read();
    train(adam({ lr: 0.05 }), w, gradient(mse(x.matmul(now), y), now));
    next('step').when(s.less(1000n));
  });
});
