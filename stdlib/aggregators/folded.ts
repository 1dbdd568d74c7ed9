// The mean of what many members answered, of which few are held.

import { composed } from '../../dsl/composed.ts';
import { constant } from '../../dsl/constant.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import type { CollectErrors } from '../../dsl/crossing.ts';
import { type Folded, type FoldOptions, fold } from '../../dsl/fold.ts';
import type { Recorder } from '../../dsl/recorder.ts';
import type { Checked, ElementOf, ShapeOf, Tensor, Value } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import type { Real } from './function.ts';

type Values = Readonly<Record<string, Tensor>>;
type At<V, P extends string> = V extends Tensor
  ? Value<ElementOf<V>, ShapeOf<V>, P>
  : { readonly [Key in keyof V]: At<V[Key], P> };

export interface FoldedMean<R, P extends string> {
  readonly mean: At<R, P>;
  /** The sum of the weights. */
  readonly total: Value<'float64', [], P>;
  readonly senders: Value<'string', [number], P>;
  readonly missing: Value<'string', [number], P>;
}

/**
 * What the members of a cohort answer, as their mean weighted by `counts`, as {@link weightedMean} gives it of what `collect`
 * stacks; but each answer is added when it is its turn in the order of the set, and then held no longer. So what is held is
 * one sum, and the answers that came before their turn. Sums are in double precision, in the order of the set: the same bits in
 * whatever order answers come. Missing with fewer than `atLeast` answers; NaN where all weights are 0.
 * Fails as {@link fold} does, and (BB302) where the size of a value is not known.
 */
export function foldedMean<R extends Tensor | Values, W extends Tensor, const P extends string = 'any'>(
  values: Checked<R, CollectErrors<R>>,
  counts: W,
  options: FoldOptions<P> = {},
): FoldedMean<R, P> {
  return composed('foldedMean', foldedMean, (owner) => {
    const single = isValue(values);
    const entries = Object.entries(single ? { value: values as Tensor } : (values as Values));
    const zeros = entries.map(([name, one], at) => [`sum${at}`, zerosLike(owner, name, one)] as const);
    const answers = { ...Object.fromEntries(entries.map(([, one], at) => [`value${at}`, one])), counts };
    const { total, senders, missing, ...sums } = fold(
      answers as never,
      { ...Object.fromEntries(zeros), total: constant(0, 'float64') } as Values,
      (before, given) => {
        const answer = given as unknown as Readonly<Record<string, Real>>;
        const sum = before as unknown as Readonly<Record<string, Real>>;
        const weight = answer.counts!.cast({ to: 'float64' }) as Real;
        const added = entries.map(([,], at) => {
          const share = (answer[`value${at}`]!.cast({ to: 'float64' }) as Real).mul(weight) as Real;
          return [`sum${at}`, sum[`sum${at}`]!.add(share)] as const;
        });
        return { ...Object.fromEntries(added), total: sum.total!.add(weight) } as never;
      },
      options as never,
    ) as unknown as Folded<Values, P> & { readonly total: Real };
    const means = entries.map(([name, one], at) => {
      const mean = ((sums as unknown as Values)[`sum${at}`] as Real).div(total as Real) as Real;
      const { type } = factOf(one, name);
      return [name, type?.kind === 'tensor' ? mean.cast({ to: type.dtype } as never) : mean] as const;
    });
    return { mean: single ? means[0]![1] : Object.fromEntries(means), total, senders, missing };
  }) as never;
}

function zerosLike(owner: Recorder, name: string, like: Tensor): Tensor {
  const dims = dimsIn(factOf(like, name).type);
  if (dims?.every((dim): dim is number => typeof dim === 'number') !== true)
    return owner.fail('BB302', { op: 'foldedMean', reason: `the size of ${name} is not known` });
  const value = { data: [0], dtype: 'float64' } as const;
  return constant(dims.map(BigInt), 'int64').constantOfShape({ value }).as('float64', dims);
}
