// What members that lie send, number by number: so that a test of who holds against it tests that.

import { describe, expect, test } from 'vitest';
import {
  cohort,
  collect,
  entry,
  float32,
  input,
  int64,
  module,
  next,
  on,
  output,
  peer,
  weightedMean,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Combine } from '../../stdlib/aggregators/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { arrays } from '../../stdlib/data/index.ts';
import type { Weights } from '../../stdlib/strategies/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain } from '../support/deploy.ts';
import {
  aLittle,
  backdoor,
  freeRider,
  innerProduct,
  type Lie,
  labelFlip,
  littleOf,
  lying,
  plotted,
  replay,
  sameNoise,
  sameNumber,
  scaling,
  signFlip,
} from '../support/poisoning.ts';

const [server, clients] = [peer('server'), cohort('client')];

/** What four clients send in each of two rounds, who come to x and then to 10 x; the first two lie. */
async function sent(lie: Lie): Promise<readonly (readonly number[])[]> {
  const source = module('sending', () => {
    const x = input('x', float32, [2], { at: clients.each });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const answer = on(clients.each, () => {
        const times = round.mul(9n).add(1n).cast({ to: float32 });
        return lying(lie, 2)({ w: x.mul(times) } as unknown as Weights, round as never);
      });
      output('w', collect({ w: answer.w! as never }, { at: server }).w as never);
      next('round', { round: round.add(1n) }).when(round.less(1n));
    });
  });
  const backend = cpuBackend();
  const deployment = await deploy(source, topologyOf('server', 'client*4'), backend);
  const rounds: (readonly number[])[] = [];
  const own = [1, 2, 3, 4].map((one, at) => [`client/${at}`, floats(one, -one)] as const);
  await deployment.invoke(
    { x: Object.fromEntries(own) },
    {
      onFlow: ({ outputs, step }) => {
        rounds[step] = plain(outputs.w) as readonly number[];
      },
    },
  );
  await deployment.close();
  return rounds;
}

const honest = [
  [3, -3, 4, -4],
  [30, -30, 40, -40],
];

describe('a lie of the first two of four', () => {
  test.each<[string, Lie, readonly (readonly number[])[]]>([
    [
      'the other way',
      signFlip(2),
      [
        [-2, 2, -4, 4],
        [-20, 20, -40, 40],
      ],
    ],
    [
      'too far',
      scaling(5),
      [
        [5, -5, 10, -10],
        [50, -50, 100, -100],
      ],
    ],
    ['no number', sameNumber(Number.NaN), [Array(4).fill(Number.NaN), Array(4).fill(Number.NaN)]],
    [
      'the same number',
      sameNumber(7),
      [
        [7, 7, 7, 7],
        [7, 7, 7, 7],
      ],
    ],
    [
      'nothing',
      freeRider(),
      [
        [0, -0, 0, -0],
        [0, -0, 0, -0],
      ],
    ],
    [
      'what it said first',
      replay(clients.each),
      [
        [1, -1, 2, -2],
        [1, -1, 2, -2],
      ],
    ],
  ])('is %s', async (_, lie, lies) => {
    expect(await sent(lie)).toEqual(lies.map((one, round) => [...one, ...honest[round]!]));
  });

  test('is noise that both agree on, another in each round', async () => {
    const rounds = await sent(sameNoise(3));
    for (const [round, numbers] of rounds.entries()) {
      expect(numbers.slice(0, 2)).toEqual(numbers.slice(2, 4));
      expect(numbers.slice(4)).toEqual(honest[round]);
    }
    expect(rounds[0]!.slice(0, 2)).not.toEqual(rounds[1]!.slice(0, 2));
  });
});

/** The rows that a combiner is given, where the first two of five plot. */
async function rowsUnder(plot: Parameters<typeof plotted>[0]): Promise<readonly number[]> {
  let seen: Weights = {};
  const watching: Combine = ((rows: Weights, counts: never) => {
    seen = rows;
    return weightedMean(rows, counts);
  }) as never;
  const source = module('plot', () => {
    const rows = { w: input('w', float32, ['K', 1], { at: server }) };
    output('mean', plotted(plot, 2, watching)(rows, input('n', int64, ['K'], { at: server })).w);
    output('rows', seen.w! as never);
  });
  const deployment = await deploy(source, topologyOf('server'), cpuBackend());
  const { outputs } = await deployment.invoke({
    w: { ...floats(100, 200, 1, 2, 6), dims: [5, 1] },
    n: { dtype: 'int64', dims: [5], bytes: new Uint8Array(BigInt64Array.of(1n, 1n, 1n, 1n, 1n).buffer) },
  });
  await deployment.close();
  return plain(outputs.rows) as readonly number[];
}

describe('a plot of the first two of five', () => {
  test('is a little beside the mean of the others', async () => {
    const [first, second, ...others] = await rowsUnder(aLittle(1.5));
    expect(first).toBeCloseTo(3 - 1.5 * Math.sqrt((4 + 1 + 9) / 3), 5);
    expect(second).toBe(first);
    expect(others).toEqual([1, 2, 6]);
  });

  test('turns the mean of the others around', async () => {
    expect(await rowsUnder(innerProduct(2))).toEqual([-6, -6, 1, 2, 6]);
  });

  test('goes as far as the published example: 24 of 50 may go 1.43 deviations', () => {
    expect(littleOf(50, 24)).toBeCloseTo(1.43, 2);
  });
});

describe('data', () => {
  const bytes = (dims: readonly number[], ...values: readonly number[]): Tensor => ({
    dtype: 'uint8',
    dims,
    bytes: Uint8Array.from(values),
  });
  const digits = arrays({ image: bytes([2, 5, 5], ...Array(50).fill(9)), label: bytes([2], 0, 7) });
  const both = Uint32Array.of(0, 1);

  test('has every label turned around, and its pictures as they are', () => {
    const flipped = labelFlip(digits, 'label', 10);
    expect([...flipped.read(1, both).bytes]).toEqual([9, 2]);
    expect(flipped.read(0, both)).toEqual(digits.read(0, both));
    expect([...digits.read(1, both).bytes]).toEqual([0, 7]);
  });

  test('has a pattern, and the label that goes with it, in every second record', () => {
    const marked = backdoor(digits, { image: 'image', label: 'label', target: 3, every: 2 });
    expect([...marked.read(1, both).bytes]).toEqual([3, 7]);
    const row = [255, 255, 255, 255, 9];
    const pixels = [...marked.read(0, Uint32Array.of(1, 0)).bytes];
    expect(pixels).toEqual([...Array(25).fill(9), ...row, ...row, ...row, ...row, ...Array(5).fill(9)]);
  });

  test('that is not of bytes is refused', () => {
    expect(() => labelFlip(digits, 'class', 10)).toThrow('there are no bytes in class');
  });
});
