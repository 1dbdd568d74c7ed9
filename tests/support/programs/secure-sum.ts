// Program 9 of the semantics: the sum of what phones have, and nothing else of it. Each of four waits is for those who answered the one
// before, who are a part of `all`, so what they were told is there already. Below the threshold the sum is missing, never a wrong one.

import {
  cohort,
  constant,
  emit,
  entry,
  int64,
  module,
  next,
  on,
  peer,
  self,
  state,
  uint32,
} from '../../../dsl/index.ts';
import { maskedSum } from '../../../stdlib/privacy/index.ts';

const server = peer('server');
const phones = cohort('phone');
export const PHONES = 5;
export const THRESHOLD = 3;
export const topology = {
  version: 1,
  classes: { server: {}, phone: { count: PHONES } },
  links: [{ between: ['server', 'phone'], latency: '50ms' }],
};
export const ROUNDS = 2;
/** By phone. Their sum wraps around. */
export const VALUES = Array.from({ length: PHONES }, (_, phone) => [
  4_000_000_000 - phone,
  phone,
  7 * phone + 1,
]);

export default module('secure-sum', () => {
  const total = state('total', constant([0, 0, 0], uint32), { at: server });
  const short = state('short', constant(0, int64), { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const own = on(phones.each, () =>
      constant(VALUES, uint32).gather(self().positionsIn(phones.view())).reshape([3]),
    );
    const { sum, survivors } = maskedSum(own, {
      members: phones,
      at: server,
      threshold: THRESHOLD,
      seconds: 10,
      round,
    });
    total.assign(sum.as(uint32, [3]).when(sum.present()));
    short.update((before) => before.add(sum.present().not().cast({ to: int64 })));
    emit('sum', sum);
    emit('survivors', survivors);
    next('round', { round: round.add(1n) }).when(round.less(BigInt(ROUNDS - 1)));
  });
});
