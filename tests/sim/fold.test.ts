// Fold: answers combined one after the other, in the order of the set.

import { expect, test } from 'vitest';
import {
  cohort,
  constant,
  float32,
  fold,
  gradient,
  input,
  module,
  on,
  output,
  peer,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];
/** The further back in the set, the sooner its answer is there. */
const topology = topologyIn({
  classes: { server: {}, phone: { count: 4 } },
  links: [
    { between: ['server', 'phone/0'], latency: '400ms' },
    { between: ['server', 'phone/1'], latency: '300ms' },
    { between: ['server', 'phone/2'], latency: '200ms' },
    { between: ['server', 'phone/3'], latency: '100ms' },
  ],
});
const x: Readonly<Record<string, Tensor>> = {
  'phone/0': floats(1),
  'phone/1': floats(2),
  'phone/2': floats(3),
  'phone/3': floats(4),
};

/** `declined`: no answer of those whose x is this. */
const digits = (declined: number, atLeast: number) =>
  module('digits', () => {
    const own = input('x', float32, [1], { at: phones.each });
    const said = on(phones.each, () => own.when(own.squeeze().equal(declined).not()));
    const { number, count, senders } = fold(
      said,
      { number: constant([0]), count: constant(0) },
      (before, value) => ({ number: before.number.mul(10).add(value), count: before.count.add(1) }),
      { at: server, within: '5s', atLeast },
    );
    output('number', number);
    output('count', count);
    output('senders', senders);
  });

const folded = async (declined: number, atLeast: number) => {
  const { deployment } = await simulatedWorld(digits(declined, atLeast), topology);
  const { outputs } = await deployment.invoke({ x });
  return [plain(outputs.number), plain(outputs.count)];
};

test('answers are combined in the order of the set, whichever comes first; who has none is passed over', async () => {
  expect(await folded(0, 4)).toEqual([[1234], [4]]);
  expect(await folded(2, 3)).toEqual([[134], [3]]);
});

test('with fewer answers than it takes the result is missing', async () => {
  expect(await folded(2, 4)).toEqual(['declined', 'declined']);
});

test('of nobody it is what it began with', async () => {
  const none = module('none', () => {
    const own = input('x', float32, [1], { at: phones.each });
    const said = on(phones.each, () => own.when(own.squeeze().less(0)));
    const { sum } = fold(said, { sum: constant([7]) }, (before, value) => ({ sum: before.sum.add(value) }), {
      at: server,
      atLeast: 0,
    });
    output('sum', sum);
  });
  const { deployment } = await simulatedWorld(none, topology);
  expect(plain((await deployment.invoke({ x })).outputs.sum)).toEqual([7]);
});

test('takes records, and has a gradient that goes back to each member', async () => {
  const record = module('record', () => {
    const own = input('x', float32, [1], { at: phones.each });
    const both = on(phones.each, () => ({ a: own, b: own.mul(own) }));
    const { sum } = fold(
      both,
      { sum: constant([0]) },
      (before, { a, b }) => ({ sum: before.sum.add(a.mul(b)) }),
      { at: server },
    );
    const loss = on(server, () => sum.squeeze());
    output('loss', loss);
    output('dx', gradient(loss, own));
  });
  const { deployment } = await simulatedWorld(record, topology);
  const { outputs, cohortOutputs } = await deployment.invoke({ x });
  expect(plain(outputs.loss)).toEqual([1 + 8 + 27 + 64]);
  expect(Object.values(cohortOutputs.dx!).map(plain)).toEqual([[3], [12], [27], [48]]);
});
