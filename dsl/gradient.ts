// Gradients: recorded as one op, which the compiler puts plain ones in the place of before it cuts the graph. So what
// forward ops send from peer to peer has its way back without a word of the author's.

import { type DType, formatType, gradientOp, TRAINING_DOMAIN, TRAINING_VERSION } from '../ir/index.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import { leavesOf } from './structure.ts';
import type { Checked, DTypeError, ElementOf, PlaceOf, ShapeError, ShapeOf, Tensor, Value } from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

/** The structure of the parameters, with a value of the same type and place for each. */
export type Gradients<X> = X extends Tensor
  ? Value<ElementOf<X>, ShapeOf<X>, PlaceOf<X>>
  : { readonly [Key in keyof X]: Gradients<X[Key]> };

type Float = 'float32' | 'float64' | 'float16' | 'bfloat16';
type FloatErrors<V extends Tensor> = [ElementOf<V>] extends [Float]
  ? never
  : Float extends ElementOf<V>
    ? never
    : DTypeError<`gradient: ${ElementOf<V>} has no gradient`>;
type LossErrors<Y extends Tensor> =
  | FloatErrors<Y>
  | (number extends ShapeOf<Y>['length']
      ? never
      : ShapeOf<Y> extends readonly []
        ? never
        : ShapeError<'gradient: the loss is no scalar; reduce it, as by mean()'>);
type ParameterErrors<X> = X extends Tensor
  ? FloatErrors<X>
  : X extends object
    ? { [Key in keyof X]: ParameterErrors<X[Key]> }[X extends readonly unknown[] ? number & keyof X : keyof X]
    : DTypeError<'gradient: not a value'>;

/**
 * The gradients of the scalar `y` with respect to a value, or to all values of arrays and records, however deep, in the same structure:
 * each has the dtype, shape and place of its x. What an x is computed from makes no difference; where one x is computed
 * from another, its gradient goes through that. Works in the bodies of loops and of itself: a gradient has gradients. The
 * gradient of a `y` that is no scalar, times `v`, is that of `y.mul(v).reduceSum()`.
 * Fails (BB284) if `y` is no scalar, (BB283) if an x has no floating-point numbers; the compiler if `y` does not depend
 * on an x (BB286), or an op between them has no gradient (BB281).
 */
export function gradient<Y extends Tensor, const X extends object>(
  y: Checked<Y, LossErrors<Y>>,
  xs: Checked<X, ParameterErrors<X>>,
): Gradients<X>;
export function gradient(y: unknown, xs: unknown): unknown {
  const owner = recorder('gradient');
  return owner.call(gradient, () => {
    const loss = factOf(y, 'gradient');
    const { name } = owner.editor.value(loss.id);
    const dims = dimsIn(loss.type);
    if (dims !== undefined && dims.length > 0) {
      owner.fail('BB284', { name, type: formatType(loss.type) });
    }
    const { values, paths, around } = leavesOf<Tensor>(xs, isValue);
    const parameters = values.map((one) => factOf(one, 'gradient'));
    for (const { id, type } of [loss, ...parameters]) {
      const dtype = dtypeIn(type);
      if (dtype !== undefined && !isFloat(dtype)) owner.fail('BB283', { name: owner.editor.value(id).name });
    }
    const made = parameters.map((one, at) => result(owner, one, paths[at]!, loss));
    owner.domains.set(TRAINING_DOMAIN, TRAINING_VERSION);
    owner.addOp(
      gradientOp(
        parameters.map(({ id }) => id),
        loss.id,
        made.map(({ id }) => id),
      ),
    );
    return around(made.map((one) => toValue(one, owner)));
  });
}

const isFloat = (dtype: DType): boolean =>
  dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';

function result(owner: Recorder, fact: Fact, path: readonly string[], loss: Fact): Fact {
  const { name, names } = owner.site ?? {};
  const of = owner.editor.value(fact.id).name.split('.').at(-1)!;
  const own = path.length === 0 ? name : names?.get(path.join('_'));
  return owner.addValue(owner.qualified(own ?? `${of}_gradient`), fact.type, {
    cohort: fact.cohort,
    declinable: fact.declinable || loss.declinable,
  });
}
