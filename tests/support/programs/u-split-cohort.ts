// Program 3 of the semantics, with a cohort of clients: each has its first layers and its last, and the server's body goes to all of
// them. What comes back of it is the sum of their gradients, of three at least, within five seconds.

import {
  cohort,
  constant,
  entry,
  float32,
  gradient,
  module,
  next,
  on,
  output,
  peer,
  self,
  state,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { sgd, train } from '../../../dsl/optim/index.ts';
import { BODY, FIRST, LAST } from './u-split.ts';

const server = peer('server');
const clients = cohort('client');
export const CLIENTS = 4;
export const topology = { version: 1, classes: { server: {}, client: { count: CLIENTS } } };
export const STEPS = 3;
export const RATE = 0.1;
/** By client: its points, and what they are worth. */
export const POINTS = Array.from({ length: CLIENTS }, (_, client) => [
  [1, 0.5 * client - 1],
  [0.25 * client, 1],
]);
export const VALUES = POINTS.map((own) => own.map(([a, b]) => [a! - 0.5 * b!]));

const { atLeast, within } = { atLeast: 3, within: '5s' } as const;

export default module('u-split-cohort', () => {
  const body = state('body', constant(BODY), { at: server });
  const own = {
    first: state('first', constant(FIRST), { at: clients.each }),
    last: state('last', constant(LAST), { at: clients.each }),
  };
  entry('step', server, { initial: { step: 0n }, limit: 1 }, ({ step }) => {
    const now = body.read();
    const sent = now.broadcast(clients.each, { gradient: { atLeast, within } });
    const loss = on(clients.each, () => {
      const [x, y] = [POINTS, VALUES].map((table) =>
        constant(table, float32)
          .gather(self().positionsIn(clients.view()))
          .squeeze({ axes: [0] }),
      );
      const at = { first: own.first.read(), last: own.last.read() };
      const upper = x!.matmul(at.first).tanh().matmul(sent).tanh();
      const loss = mse(upper.matmul(at.last), y!);
      train(sgd({ lr: RATE }), own, gradient(loss, at), { counter: 'own' });
      return loss;
    });
    const slope = gradient(loss, now);
    // With too few the body stays as it is, and the next step comes.
    train(sgd({ lr: RATE }), body, slope.when(slope.present()));
    output('learnt', slope.present());
    next('step', { step: step.add(1n) }).when(step.less(BigInt(STEPS - 1)));
  });
});
