// A small task for strategies: points of the plane around three centres, of which each member has more of one than of the others.

import { cohort, float32, int64, peer } from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { linear, relu, sequential } from '../../dsl/nn/index.ts';
import { keyOf, randomWords } from '../../ir/philox.ts';
import type { Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { cutTaskOf, type Task, taskOf, uTaskOf } from '../../stdlib/strategies/index.ts';

export const [server, clients] = [peer('server'), cohort('client')];
const CENTRES = [
  [2, 0],
  [-1, 1.7],
  [-1, -1.7],
] as const;
/** Records of a member. */
export const RECORDS = 48;

const net = sequential(['hidden', linear({ in: 2, out: 16 })], relu(), ['out', linear({ in: 16, out: 3 })]);

export const blobs: Task = taskOf({
  parameters: net.parameters,
  seed: 3,
  fields: { x: [float32, ['N', 2]], t: [int64, ['N']] },
  loss: (weights, { x, t }) => crossEntropy(net(weights)(x), t),
});

const [hidden, out] = [linear({ in: 2, out: 16 }), linear({ in: 16, out: 3 })];
/** The same network, cut in two. */
export const cutBlobs = cutTaskOf({
  first: sequential(['hidden', hidden], relu()).parameters,
  rest: sequential(['out', out]).parameters,
  seed: 3,
  fields: { x: [float32, ['N', 2]], t: [int64, ['N']] },
  told: ['t'],
  features: (first, { x }) => sequential(['hidden', hidden], relu())(first)(x),
  loss: (rest, features, { t }) =>
    crossEntropy(sequential(['out', out])(rest)(features.as(float32, [null, 16])), t),
});

const middle = linear({ in: 16, out: 16 });
/** Three layers, of which the middle one is elsewhere. */
export const uBlobs = uTaskOf({
  first: sequential(['hidden', hidden], relu()).parameters,
  middle: sequential(['middle', middle], relu()).parameters,
  last: sequential(['out', out]).parameters,
  seed: 3,
  fields: { x: [float32, ['N', 2]], t: [int64, ['N']] },
  features: (first, { x }) => sequential(['hidden', hidden], relu())(first)(x),
  upper: (weights, features) =>
    sequential(['middle', middle], relu())(weights)(features.as(float32, [null, 16])),
  loss: (last, upper, { t }) =>
    crossEntropy(sequential(['out', out])(last)(upper.as(float32, [null, 16])), t),
});

interface Points {
  readonly x: Float32Array;
  readonly t: readonly number[];
}

/** Points of a seed; half of them around one centre. */
export function points(seed: number, count = RECORDS): Points {
  const words = randomWords(keyOf(BigInt(seed)), 3 * count);
  const unit = (at: number): number => words[at]! / 2 ** 32 - 0.5;
  const t = Array.from({ length: count }, (_, at) => (at % 2 === 0 ? seed % 3 : words[3 * at]! % 3));
  const x = new Float32Array(2 * count);
  t.forEach((label, at) => {
    for (const axis of [0, 1] as const)
      x[2 * at + axis] = CENTRES[label]![axis] + 2.4 * unit(3 * at + 1 + axis);
  });
  return { x, t };
}

/** `train` of a member: `client/3` has the points of seed 3. */
export function dataOf(id: string): Components {
  const [, index] = /^client\/(\d+)$/.exec(id) ?? [];
  if (index === undefined) return {};
  const { x, t } = points(Number(index));
  return {
    train: dataComponent(
      arrays({
        x: { dtype: 'float32', dims: [RECORDS, 2], bytes: new Uint8Array(x.buffer) },
        t: { dtype: 'int64', dims: [RECORDS], bytes: new Uint8Array(BigInt64Array.from(t, BigInt).buffer) },
      }),
    ),
  };
}

/** The share of unseen points that parameters, by name, tell rightly. */
export function share(weights: (name: string) => readonly number[]): number {
  const { x, t } = points(100, 300);
  const layer = (name: string, input: readonly number[]): readonly number[] => {
    const [weight, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
    return bias.map((one, out) =>
      input.reduce((sum, value, at) => sum + value * weight[out * input.length + at]!, one),
    );
  };
  const right = t.filter((label, at) => {
    const hidden = layer('hidden', [x[2 * at]!, x[2 * at + 1]!]).map((one) => Math.max(0, one));
    const scores = layer('out', hidden);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / t.length;
}
