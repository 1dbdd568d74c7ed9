// Missing values: making them, asking about them, replacing them.

import { CORE, type Dim, tensorType, type ValueType } from '../ir/index.ts';
import { addConstant, fromNested } from './constant.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { BroadcastErrors } from './rules.ts';
import { leavesOf } from './structure.ts';
import type {
  Checked,
  ElementOf,
  Join,
  JoinOf,
  Literal,
  PairErrors,
  PlaceErrors,
  PlaceOf,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';
import { defineMethod, factOf, type Handle, isValue, toValue } from './value.ts';

export interface MissingMethods {
  /** The value if `condition` (a bool scalar) holds, else missing, declined. A declined assignment is skipped. */
  when<A extends Tensor, C extends Tensor<'bool'>>(
    this: A,
    condition: Checked<C, PlaceErrors<'when', PlaceOf<A>, C>>,
  ): Value<ElementOf<A>, ShapeOf<A>, JoinOf<PlaceOf<A>, C>>;
  /** The value, or `other` where it is missing. */
  orElse<A extends Tensor, const B extends Tensor | Literal>(
    this: A,
    other: Checked<B, PairErrors<'orElse', A, B> | BroadcastErrors<'orElse', A, B>>,
  ): Value<ElementOf<A>, ShapeOf<A>, JoinOf<PlaceOf<A>, B>>;
  /** Whether the value is there: a bool scalar that never is missing itself. */
  present<A extends Tensor>(this: A): Value<'bool', [], Join<PlaceOf<A>, 'any'>>;
  /** Why the value is missing: declined, timeout, lost, refused, failed or cancelled; "" if it is there. */
  reason<A extends Tensor>(this: A): Value<'string', [], Join<PlaceOf<A>, 'any'>>;
}

/** The structure of the values, each of them declined unless the condition holds. */
export type Declinable<X, C extends Tensor> = X extends Tensor
  ? Value<ElementOf<X>, ShapeOf<X>, JoinOf<PlaceOf<X>, C>>
  : { readonly [Key in keyof X]: Declinable<X[Key], C> };
type WhenErrors<X, C extends Tensor> = X extends Tensor
  ? PlaceErrors<'when', PlaceOf<X>, C>
  : { [Key in keyof X]: WhenErrors<X[Key], C> }[KeysOf<X>];
/** Of an array only its elements: what else it has is no value. */
type KeysOf<X> = X extends readonly unknown[] ? number & keyof X : keyof X;

/** `value.when(condition)` for all values of arrays and records, however deep. */
export function when<const X extends object, C extends Tensor<'bool'>>(
  values: X,
  condition: Checked<C, WhenErrors<X, C>>,
): Declinable<X, C>;
export function when(values: object, condition: unknown): unknown {
  const owner = recorder('when');
  return owner.call(when, () => {
    const { values: all, around } = leavesOf<Tensor>(values, isValue);
    for (const one of all) factOf(one, 'when');
    return around(all.map((one) => one.when(condition as Tensor<'bool'>)));
  });
}

/** The structure of the values, each present where its own or the other one is. */
export type Either<X, Y> = X extends Tensor
  ? Y extends Tensor
    ? Value<ElementOf<X>, ShapeOf<X>, JoinOf<PlaceOf<X>, Y>>
    : never
  : { readonly [Key in keyof X]: Key extends keyof Y ? Either<X[Key], Y[Key]> : never };
type OrElseErrors<X, Y> = X extends Tensor
  ? Y extends Tensor
    ? PairErrors<'orElse', X, Y> | BroadcastErrors<'orElse', X, Y>
    : never
  : { [Key in keyof X]: Key extends keyof Y ? OrElseErrors<X[Key], Y[Key]> : never }[KeysOf<X>];

/** `value.orElse(other)` for all values of arrays and records, however deep, with others in the same structure. */
export function orElse<const X extends object, const Y extends { readonly [Key in keyof X]: unknown }>(
  values: X,
  others: Checked<Y, OrElseErrors<X, Y>>,
): Either<X, Y>;
export function orElse(values: object, others: unknown): unknown {
  const owner = recorder('orElse');
  return owner.call(orElse, () => {
    const { values: all, paths, around } = leavesOf<Tensor>(values, isValue);
    const other = leavesOf<Tensor>(others, isValue);
    const byPath = new Map(other.values.map((one, at) => [other.paths[at]!.join('\0'), one]));
    return around(
      all.map((one, at) => {
        factOf(one, 'orElse');
        const instead = byPath.get(paths[at]!.join('\0'));
        if (instead === undefined) {
          const reason = `nothing stands in for ${paths[at]!.join('.')}`;
          return owner.fail('BB308', { op: 'orElse', reason });
        }
        return one.orElse(instead);
      }),
    );
  });
}

defineMethod('when', function method(this: Handle, condition: unknown) {
  const owner = recorder('when');
  return owner.call(method, () => {
    const inputs = [factOf(this, 'when'), factOf(condition, 'when')] as const;
    const { type } = inputs[1];
    const dims = dimsIn(type);
    if ((dtypeIn(type) ?? 'bool') !== 'bool' || (dims !== undefined && dims.length > 0)) {
      owner.fail('BB307', { op: 'when', reason: 'the condition is not a bool scalar' });
    }
    const cohort = owner.meet('when', inputs);
    const result = { name: 'when', type: inputs[0].type, cohort, declinable: true };
    return toValue(coreOp(owner, { type: CORE.when, inputs }, [result])[0]!, owner);
  });
});

/** What takes the place of a value has its shape, where that is known: one number stands for as many as there are. */
function asWide(owner: Recorder, fallback: Fact, value: Fact): Fact {
  const [own, dims] = [dimsIn(fallback.type), dimsIn(value.type)];
  if (own === undefined || !isSized(dims) || `${own}` === `${dims}` || own.length > dims.length)
    return fallback;
  const wide = (toValue(fallback, owner) as unknown as Tensor<'float32'>).expand(dims.map(BigInt) as never);
  return factOf(wide, 'orElse');
}

const isSized = (dims: readonly Dim[] | undefined): dims is readonly number[] =>
  dims?.every((dim) => typeof dim === 'number') === true;

/** Of one value or another: only what both say of their shape. */
function eitherType(a: ValueType | undefined, b: ValueType | undefined): ValueType | undefined {
  const [one, other] = [dimsIn(a), dimsIn(b)];
  const dtype = dtypeIn(a) ?? dtypeIn(b);
  if (one === undefined || other === undefined) return a ?? b;
  if (one.length !== other.length) return tensorType(dtype, undefined);
  return tensorType(
    dtype,
    one.map((dim, at) => (dim === other[at] ? dim : null)),
  );
}

defineMethod('orElse', function method(this: Handle, other: unknown) {
  const owner = recorder('orElse');
  return owner.call(method, () => {
    const value = factOf(this, 'orElse');
    const given: Fact = isValue(other)
      ? factOf(other, 'orElse')
      : addConstant(owner, fromNested(owner, other as never, dtypeIn(value.type)));
    const fallback = asWide(owner, given, value);
    const [a, b] = [dtypeIn(value.type), dtypeIn(fallback.type)];
    if (a !== undefined && b !== undefined && a !== b) {
      owner.fail('BB307', { op: 'orElse', reason: `dtypes differ: ${a} and ${b}` });
    }
    const inputs = [value, fallback] as const;
    const cohort = owner.meet('orElse', inputs);
    const result = {
      name: 'orElse',
      type: eitherType(value.type, fallback.type),
      cohort,
      declinable: fallback.declinable,
    };
    return toValue(coreOp(owner, { type: CORE.orElse, inputs }, [result])[0]!, owner);
  });
});

for (const [name, type, dtype] of [
  ['present', CORE.present, 'bool'],
  ['reason', CORE.reason, 'string'],
] as const) {
  const method = function (this: Handle): Tensor {
    const owner = recorder(name);
    return owner.call(method, () => {
      const inputs = [factOf(this, name)];
      const result = {
        name,
        type: tensorType(dtype, []),
        cohort: owner.meet(name, inputs),
        declinable: false,
      };
      return toValue(coreOp(owner, { type, inputs }, [result])[0]!, owner);
    });
  };
  defineMethod(name, method);
}
