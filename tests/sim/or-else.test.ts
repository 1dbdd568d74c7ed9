// What takes the place of a missing value.

import { expect, test } from 'vitest';
import { bool, float32, input, module, on, output, peer } from '../../dsl/index.ts';
import { floats, plain, truth } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const filled = module('filled', () => {
  const x = input('x', float32, [2, 3], { at: server });
  const there = input('there', bool, [], { at: server });
  const y = on(server, () => x.when(there).orElse(7));
  output('y', y);
  output('sum', y.matmul(y.transpose({ perm: [1, 0] })));
});

test('one number takes the place of all numbers of a value, so that what follows finds its shape', async () => {
  const { deployment } = await simulatedWorld(filled, topologyIn({ classes: { server: {} } }));
  const x = { ...floats(1, 2, 3, 4, 5, 6), dims: [2, 3] };
  const run = async (there: boolean) => {
    const { outputs } = await deployment.invoke({ x, there: truth(there) });
    return [plain(outputs.y), plain(outputs.sum)];
  };
  expect(await run(false)).toEqual([Array(6).fill(7), Array(4).fill(147)]);
  expect(await run(true)).toEqual([
    [1, 2, 3, 4, 5, 6],
    [14, 32, 32, 77],
  ]);
});
