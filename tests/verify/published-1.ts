// Published figures, line 1: McMahan et al. 2017, table 1: the 2NN over MNIST, E=1, B=10, C=0.1, IID, reads 97 % of the test
// digits rightly after 87 rounds.

import { reproduce } from './published-rounds.ts';
import type { Line } from './verification.ts';

const verify: Line = (cx) =>
  reproduce(cx, {
    setting: { network: '2NN', epochs: 1, batch: 10 },
    rates: [0.2, 0.3],
    target: 0.97,
    rounds: 87,
    atOnce: 10,
  });
export default verify;
