// A task whose gradient is the mean of a member's one record, wherever its parameters are: what becomes of them can be reckoned.

import { float32 } from '../../dsl/index.ts';
import { parameter } from '../../dsl/nn/index.ts';
import type { Components } from '../../runtime/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { taskOf } from '../../stdlib/strategies/index.ts';
import { tensor } from './programs-run.ts';

export const WIDTH = 10;

export const plane = taskOf({
  parameters: { w: parameter([WIDTH]) },
  fields: { x: [float32, ['N', WIDTH]] },
  loss: ({ w }, { x }) =>
    x
      .mul(w)
      .reduceMean({ axes: [0], keepdims: false })
      .reduceSum({ keepdims: false }),
});

/** The record of a member: another for each. */
export const recordOf = (member: number): readonly number[] =>
  Array.from({ length: WIDTH }, (_, at) => Math.sin(7 * member + at) * (1 + (at % 3)));

/** `train` of `client/3`: its record, so many times. With 0 times there is nothing to learn. */
export const planeData =
  (times = 1) =>
  (id: string): Components => {
    const record = recordOf(Number(id.split('/')[1])).map((one) => times * one);
    return { train: dataComponent(arrays({ x: tensor([1, WIDTH], record) })) };
  };
