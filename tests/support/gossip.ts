// Averaging without a server: every round each peer sends its neighbours shares of what it has, straight to them, and keeps the
// sum of what it gets. A program with a class for each peer; the first one starts the rounds, and the next begins when it has
// heard that everybody has kept the sum of this one.

import {
  type AnyShape,
  constant,
  entry,
  float32,
  module,
  next,
  on,
  output,
  peer,
  state,
  type Value,
} from '../../dsl/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { topologyOf } from './compile.ts';
import { deployWithPlan, plain } from './deploy.ts';
import { requireAsPlanned } from './traffic.ts';

export interface Mixing {
  /** What each peer has at first. */
  readonly x0: readonly (readonly number[])[];
  /** One after another, over and over: `[i][j]` is the share of what j has that goes to i. */
  readonly matrices: readonly (readonly (readonly number[])[])[];
  readonly steps: number;
}

type Truth = Value<'bool', [], string>;
type Vector = Value<'float32', AnyShape, string>;

const averaging = ({ x0, matrices, steps }: Mixing) => {
  const peers = x0.map((_, index) => peer(`node${index}`));
  return module('averaging', () => {
    const held = x0.map((values, index) => {
      const at = peers[index]!;
      const x = state(`x${index}`, constant(Float32Array.from(values), float32, [values.length]), { at });
      // What its weight has become, of 1 at first: with shares that lose or gain, x divided by it is the mean.
      return { x, w: state(`w${index}`, constant(1), { at }) };
    });
    entry('round', peers[0]!, { initial: { round: 0n } }, ({ round }) => {
      const turn = round.mod(BigInt(matrices.length));
      const now = held.map(({ x, w }, index) =>
        on(peers[index]!, () => ({ x: x.read() as Vector, w: w.read() as Vector })),
      );
      /** What j sends to i, made where j is; undefined: never anything. */
      const share = (i: number, j: number): { x: Vector; w: Vector } | undefined => {
        const parts = matrices.map((matrix) => matrix[i]![j]!);
        if (parts.every((part) => part === 0)) return undefined;
        return on(peers[j]!, () => {
          const part = constant(Float32Array.from(parts), float32, [parts.length]).gather(turn) as Vector;
          return { x: now[j]!.x.mul(part) as Vector, w: now[j]!.w.mul(part) as Vector };
        });
      };
      const kept = held.map(({ x, w }, i) => {
        const shares = held.flatMap((_, j) => share(i, j) ?? []);
        return on(peers[i]!, () => {
          const sum = shares.reduce((a, b) => ({ x: a.x.add(b.x) as Vector, w: a.w.add(b.w) as Vector }));
          x.assign(sum.x as never);
          w.assign(sum.w as never);
          output(`new_x${i}`, sum.x);
          output(`new_w${i}`, sum.w);
          return (sum.w as Value<'float32', [], string>).greater(0);
        });
      });
      const all = on(peers[0]!, () =>
        kept.reduce((a: Truth, b: Truth) => a.and(b) as Truth, kept[0] as Truth),
      );
      next('round', { round: round.add(1n) }).when(round.less(BigInt(steps - 1)).and(all));
    });
  });
};

/** What every peer has after each round: its vector, then its weight. */
export async function averaged(
  mixing: Mixing,
  backend: Backend,
): Promise<readonly (readonly (readonly number[])[])[]> {
  const topology = topologyOf(...mixing.x0.map((_, index) => `node${index}`));
  const { plan, deployment } = await deployWithPlan(averaging(mixing), topology, backend);
  const rounds: number[][][] = [];
  const onFlow: NonNullable<Parameters<typeof deployment.invoke>[1]>['onFlow'] = (result) => {
    const { step, outputs } = result;
    requireAsPlanned(plan, result);
    rounds[step] = mixing.x0.map((_, index) =>
      [`new_x${index}`, `new_w${index}`].flatMap((name) => plain(outputs[name]) as number[]),
    );
  };
  await deployment.invoke({}, { onFlow });
  await deployment.close();
  return rounds;
}
