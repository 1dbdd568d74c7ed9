// The mean of what many answer, few of which are held: each is added when it is its turn.

import { expect, test } from 'vitest';
import {
  cohort,
  collect,
  constant,
  float32,
  input,
  int64,
  module,
  on,
  output,
  peer,
  type Tensor,
} from '../../dsl/index.ts';
import type { Tensor as DataTensor } from '../../ir/index.ts';
import { foldedMean, weightedMean } from '../../stdlib/aggregators/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { refusalOf } from '../support/recorded.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];
const SIZE = 256;
const ROW_BYTES = 4 * SIZE;

/** What each phone says: a vector and a scalar, made of its one number. */
const said = (declined: number) => {
  const own = input('x', float32, [1], { at: phones.each });
  return on(phones.each, () => {
    const x = own.when(own.squeeze().equal(declined).not());
    return { w: x.expand([BigInt(SIZE)]).as(float32, [SIZE]), b: x.squeeze().mul(x.squeeze()) };
  });
};
const counted = (x: Tensor<'float32'>) => x.abs().ceil().cast({ to: int64 });

const folding = (declined: number, atLeast: number) =>
  module('folding', () => {
    const answer = said(declined);
    const n = on(phones.each, () => counted(answer.b));
    const { mean, total, senders } = foldedMean(answer, n, { at: server, within: '60s', atLeast });
    output('w', mean.w);
    output('b', mean.b);
    output('total', total);
    output('senders', senders);
  });

const stacking = module('stacking', () => {
  const answer = said(0);
  const n = on(phones.each, () => counted(answer.b));
  const rows = collect({ ...answer, n }, { at: server, within: '60s' });
  output(
    'w',
    on(server, () => weightedMean({ w: rows.w }, rows.n).w),
  );
});

/** Runs it over phones whose answers take so long; `most`: bytes that the server held at once. */
async function run(source: typeof stacking, numbers: readonly number[], latencies: readonly number[]) {
  const topology = topologyIn({
    classes: { server: {}, phone: { count: numbers.length } },
    links: latencies.map((ms, at) => ({ between: ['server', `phone/${at}`], latency: `${ms}ms` })),
  });
  const { world, deployment } = await simulatedWorld(source, topology);
  const { node } = world.peers.get('server')!;
  let most = 0;
  const look = (): void => {
    most = Math.max(most, node!.usage.bytes);
  };
  world.observers.push({ output: look, event: look });
  const x = Object.fromEntries(numbers.map((one, at) => [`phone/${at}`, floats(one)]));
  const { outputs } = await deployment.invoke({ x });
  return { outputs, most };
}

/** In double precision, one after the other, rounded at the end. */
function expected(numbers: readonly number[]): number {
  const [sum, total] = numbers.reduce<readonly [number, number]>(
    ([sum, total], one) => {
      const n = Math.ceil(Math.fround(one * one));
      return [sum + one * n, total + n];
    },
    [0, 0],
  );
  return Math.fround(sum / total);
}

test('of a thousand answers that come in turn a few are held, where a stack holds them all', {
  timeout: 120_000,
}, async () => {
  const numbers = Array.from({ length: 1000 }, (_, at) => Math.fround(Math.sin(at) * 10));
  const inTurn = numbers.map((_, at) => 100 + at);
  const { outputs, most } = await run(folding(0, 1000), numbers.with(0, 1), inTurn);
  expect(plain(outputs.w)).toEqual(Array(SIZE).fill(expected(numbers.with(0, 1))));
  // The sum is in double precision, and is there twice while an answer is added.
  expect(most).toBeLessThan(12 * ROW_BYTES);
  const stacked = await run(stacking, numbers.slice(1, 201), inTurn.slice(1, 201));
  expect(stacked.most).toBeGreaterThan(200 * ROW_BYTES);
  console.log(`${most} bytes held of ${1000 * ROW_BYTES}`);
});

test('the bits are the same in whatever order answers come', async () => {
  const numbers = [1e4, 3, -2e4, 0.5, 7e-3, 1e4].map(Math.fround);
  const seen = new Set<string>();
  for (const latencies of [
    [1, 2, 3, 4, 5, 6],
    [600, 500, 400, 300, 200, 100],
    [300, 100, 600, 200, 500, 400],
  ]) {
    const { outputs } = await run(folding(0, 6), numbers, latencies);
    expect((plain(outputs.w) as number[])[0]).toBe(expected(numbers));
    seen.add(Buffer.concat([outputs.w, outputs.b].map((one) => (one as DataTensor).bytes)).toString('hex'));
  }
  expect(seen.size).toBe(1);
});

test('whoever has no answer is passed over, and of too few there is none', async () => {
  const numbers = [1, 2, 4].map(Math.fround);
  const { outputs } = await run(folding(2, 2), numbers, [3, 2, 1]);
  expect((plain(outputs.w) as number[])[0]).toBe(expected([1, 4]));
  expect(plain(outputs.senders)).toBe('phone/0,phone/2');
  const none = await run(folding(2, 3), numbers, [3, 2, 1]);
  expect([none.outputs.w, none.outputs.total].map(plain)).toEqual(['declined', 'declined']);
});

test('one value is its mean, in its own dtype', async () => {
  const alone = module('alone', () => {
    const own = input('x', float32, [1], { at: phones.each });
    const { mean } = foldedMean(
      own,
      on(phones.each, () => constant(2n)),
      { at: server },
    );
    output('mean', mean);
  });
  const { outputs } = await run(alone, [1, 2, 6], [1, 1, 1]);
  expect(outputs.mean).toMatchObject({ dtype: 'float32', dims: [1] });
  expect(plain(outputs.mean)).toEqual([3]);
});

test('a value of unknown size is refused', () => {
  const refused = refusalOf(() => {
    const own = input('x', float32, ['N'], { at: phones.each });
    const { mean } = foldedMean(
      own,
      on(phones.each, () => constant(1n)),
      { at: server },
    );
    output('mean', mean);
  });
  expect(refused).toBe('BB302: foldedMean: the size of value is not known');
});
