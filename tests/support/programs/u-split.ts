// Program 3 of the semantics: split learning in the shape of a U, pipelined. The client has the first layers and the last, the
// server those between. A step is several micro-batches; each leaves when it is computed, since what computes it changes no state.

import {
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  module,
  next,
  on,
  output,
  type Place,
  peer,
  state,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { adam, train } from '../../../dsl/optim/index.ts';

export const topology = {
  version: 1,
  classes: { client: {}, server: {} },
  links: [{ between: ['client', 'server'], latency: '5ms' }],
};

export const STEPS = 6;
export const MICRO_BATCHES = 4;
/** Records of a micro-batch. */
export const SIZE = 4;
export const FIRST = [
  [0.5, -0.4, 0.3],
  [0.1, 0.6, -0.2],
];
export const BODY = [
  [0.4, 0.2, -0.5],
  [-0.3, 0.7, 0.1],
  [0.6, -0.1, 0.2],
];
export const LAST = [[0.8], [-0.6], [0.4]];

/** With both at one peer nothing is split, and all comes out alike. */
export const uSplit = (
  client: Place<string>,
  server: Place<string>,
  { microBatches = MICRO_BATCHES, halves = true } = {},
) =>
  module('u-split', () => {
    const data = dataSource('train', {
      at: client,
      fields: { x: [float32, ['N', 2]], y: [float32, ['N', 1]] },
    });
    const held = {
      first: state('first', constant(FIRST), { at: client }),
      body: state('body', constant(BODY), { at: server }),
      last: state('last', constant(LAST), { at: client }),
    };
    entry('step', client, { initial: { step: 0n }, limit: 1 }, ({ step }) => {
      // One value in a flow, forward and backward.
      const now = { first: held.first.read(), body: held.body.read(), last: held.last.read() };
      const losses = Array.from({ length: microBatches }, (_, at) => {
        const { x, y } = data.batch(step.mul(BigInt(microBatches)).add(BigInt(at)), SIZE);
        const features = x.matmul(now.first).tanh();
        const upper = on(server, () => features.matmul(now.body).tanh());
        return mse(upper.matmul(now.last), y);
      });
      const loss = losses.reduce((sum, one) => sum.add(one)).div(microBatches);
      train(adam({ lr: 0.05 }), held, gradient(loss, now));
      output('loss', loss);
      next('step', { step: step.add(1n) }).when(step.less(BigInt(STEPS - 1)));
    });
    // Something else that changes the body, while steps are under way too.
    if (halves)
      entry('halve', server, () => {
        held.body.update((body) => body.mul(0.5));
      });
  });

export default uSplit(peer('client'), peer('server'));
