// Published figures, line 2: McMahan et al. 2017, table 2: the CNN over MNIST, E=5, B=10, C=0.1, IID, reads 99 % of the test
// digits rightly after 20 rounds.

import { reproduce } from './published-rounds.ts';
import type { Line } from './verification.ts';

const verify: Line = (cx) =>
  reproduce(cx, {
    setting: { network: 'CNN', epochs: 5, batch: 10 },
    rates: [0.2],
    target: 0.99,
    rounds: 20,
    atOnce: 1,
  });
export default verify;
