// Combining what members answered: strategies of federated learning, as ONNX functions.

import { tensorType } from '../ir/index.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { callFunction, type FunctionRecipe } from './random/function.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type {
  AnyShape,
  Checked,
  ElementOf,
  PlaceErrors,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

type Tail<S extends AnyShape> = S extends readonly [unknown, ...infer Rest extends AnyShape]
  ? Rest
  : AnyShape;
/** Without the axis of the members. */
export type Combined<R> = R extends Tensor
  ? Value<ElementOf<R>, Tail<ShapeOf<R>>, PlaceOf<R>>
  : { readonly [Key in keyof R]: Combined<R[Key]> };

type Rows = Tensor | Readonly<Record<string, Tensor>>;
type RowErrors<R, W> = R extends Tensor
  ?
      | PlaceErrors<'weightedMean', PlaceOf<R>, W>
      | (ShapeOf<R> extends readonly [] ? ShapeError<'weightedMean: a scalar has no rows'> : never)
  : { [Key in keyof R]: RowErrors<R[Key], W> }[keyof R];

/**
 * The mean over the first axis, each row weighted: sum of weights[i] · values[i] over the sum of the weights. Of a record,
 * that of each field. The rows are added in order, which `collect` makes that of the members: the same bits every time.
 * values: [k, …]; weights: [k], of any numeric dtype, such as how many samples each member has. Where all weights
 * are 0, it is NaN.
 * McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, 2017, algorithm 1.
 */
export function weightedMean<R extends Rows, W extends Tensor>(
  values: Checked<R, RowErrors<R, W>>,
  weights: W,
): Combined<R> {
  const owner = recorder('weightedMean');
  return owner.call(weightedMean, () => {
    const by = factOf(weights, 'weightedMean');
    if (isValue(values)) return toValue(meanOf(owner, factOf(values, 'weightedMean'), by), owner);
    const fields = Object.entries(values as Readonly<Record<string, Tensor>>);
    return Object.fromEntries(
      fields.map(([name, value]) => [name, toValue(meanOf(owner, factOf(value, name), by, name), owner)]),
    );
  }) as Combined<R>;
}

function meanOf(owner: Recorder, values: Fact, weights: Fact, name?: string): Fact {
  const dims = dimsIn(values.type);
  if (dims?.length === 0) owner.fail('BB302', { op: 'weightedMean', reason: 'a scalar has no rows' });
  const type = tensorType(dtypeIn(values.type), dims?.slice(1));
  const mean = callFunction(owner, recipe, [values, weights], type);
  const own = name ?? owner.site?.name;
  if (own !== undefined) owner.rename(mean.id, owner.qualified(own));
  return mean;
}

const INT64_MAX = 2n ** 63n - 1n;

const recipe: FunctionRecipe = {
  domain: 'bytesandbrains.strategies',
  name: 'WeightedMean',
  inputs: ['values', 'weights'],
  body(body, _, values, weights) {
    const int64s = (...elements: readonly bigint[]) => body.constant('int64', elements, [elements.length]);
    const column = body.op('Reshape', [body.op('CastLike', [weights!, values!]), int64s(-1n, 1n)]);
    const shares = body.op('Div', [column, body.op('ReduceSum', [column, int64s(0n)])]);
    const rows = body.op('Reshape', [values!, int64s(0n, -1n)]);
    const keepdims = { name: 'keepdims', kind: 'int', value: 0n } as const;
    const mean = body.op('ReduceSum', [body.op('Mul', [rows, shares]), int64s(0n)], [keepdims]);
    const shape = body.op('Slice', [body.op('Shape', [values!]), int64s(1n), int64s(INT64_MAX)]);
    return body.op('Reshape', [mean, shape]);
  },
};
