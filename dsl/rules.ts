// Shape rules in types, one alias per rule: it yields the result's shape, or a text that says why there is none.
//
// Written for few instantiations: ranks are walked once, nothing is distributed over unions, and a shape whose
// rank is unknown leaves at the first test.

import type { Add, Multiply } from './arithmetic.ts';
import type {
  AnyShape,
  Dim,
  ElementOf,
  OperandShape,
  PairErrors,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
} from './types.ts';

type RankUnknown<S extends AnyShape> = number extends S['length'] ? true : false;
/** Sizes or names that the type does not tell. */
type DimUnknown<D extends Dim> = number extends D ? true : string extends D ? true : false;

/** Why two sizes cannot meet. */
interface Clash<A extends Dim, B extends Dim> {
  readonly clash: `${A} and ${B}`;
}

type BroadcastDim<A extends Dim, B extends Dim> = A extends 1
  ? B
  : B extends 1
    ? A
    : DimUnknown<A> extends true
      ? DimUnknown<B> extends true
        ? number
        : B extends number
          ? B
          : number
      : DimUnknown<B> extends true
        ? A extends number
          ? A
          : number
        : A extends B
          ? A
          : Clash<A, B>;

type BroadcastFrom<A extends AnyShape, B extends AnyShape, Done extends AnyShape> = A extends readonly [
  ...infer RestA extends AnyShape,
  infer LastA extends Dim,
]
  ? B extends readonly [...infer RestB extends AnyShape, infer LastB extends Dim]
    ? BroadcastDim<LastA, LastB> extends infer D
      ? D extends Dim
        ? BroadcastFrom<RestA, RestB, [D, ...Done]>
        : D extends Clash<Dim, Dim>
          ? D['clash']
          : never
      : never
    : [...A, ...Done]
  : [...B, ...Done];

/** Numpy-style broadcasting. */
export type Broadcast<A extends AnyShape, B extends AnyShape> =
  RankUnknown<A> extends true
    ? AnyShape
    : RankUnknown<B> extends true
      ? AnyShape
      : B extends readonly []
        ? [...A]
        : BroadcastFrom<A, B, []>;

/** The shape a rule found, or unknown where it found a mistake (which the argument's type reports). */
export type Found<R> = R extends AnyShape ? R : AnyShape;
/** The mistake a rule found. */
export type Mistake<Name extends string, R> = R extends string ? ShapeError<`${Name}: ${R}`> : never;

export type BroadcastErrors<Name extends string, A extends Tensor, B> =
  Broadcast<ShapeOf<A>, OperandShape<B>> extends infer R
    ? R extends string
      ? ShapeError<`${Name}: shapes do not broadcast: ${R}`>
      : never
    : never;

/** Broadcasting of a whole list. */
export type BroadcastAll<L extends readonly Tensor[]> = L extends readonly [
  infer A extends Tensor,
  ...infer Rest extends readonly Tensor[],
]
  ? BroadcastRest<ShapeOf<A>, Rest>
  : AnyShape;
type BroadcastRest<S, L extends readonly Tensor[]> = S extends AnyShape
  ? L extends readonly [infer B extends Tensor, ...infer Rest extends readonly Tensor[]]
    ? BroadcastRest<Broadcast<S, ShapeOf<B>>, Rest>
    : number extends L['length']
      ? AnyShape
      : S
  : S;

export type JoinAll<L extends readonly Tensor[]> =
  Extract<PlaceOf<L[number]>, `${string}.each`> extends infer P
    ? [P] extends [never]
      ? 'any'
      : P & string
    : never;

export type SameDim<A extends Dim, B extends Dim> =
  DimUnknown<A> extends true ? true : DimUnknown<B> extends true ? true : A extends B ? true : false;

/** [..., M, K] · [..., K, N] → [..., M, N]; vectors as in numpy. */
export type MatMul<A extends AnyShape, B extends AnyShape> =
  RankUnknown<A> extends true
    ? AnyShape
    : RankUnknown<B> extends true
      ? AnyShape
      : A extends readonly [...infer BatchA extends AnyShape, infer M extends Dim, infer K extends Dim]
        ? B extends readonly [...infer BatchB extends AnyShape, infer L extends Dim, infer N extends Dim]
          ? SameDim<K, L> extends true
            ? BatchB extends readonly []
              ? [...BatchA, M, N]
              : Broadcast<BatchA, BatchB> extends infer R
                ? R extends AnyShape
                  ? [...R, M, N]
                  : R extends string
                    ? `batch dimensions differ: ${R}`
                    : never
                : never
            : `inner dimensions differ: ${K} and ${L}`
          : B extends readonly [infer L extends Dim]
            ? SameDim<K, L> extends true
              ? [...BatchA, M]
              : `inner dimensions differ: ${K} and ${L}`
            : 'a scalar has no inner dimension'
        : A extends readonly [infer K extends Dim]
          ? B extends readonly [...infer BatchB extends AnyShape, infer L extends Dim, infer N extends Dim]
            ? SameDim<K, L> extends true
              ? [...BatchB, N]
              : `inner dimensions differ: ${K} and ${L}`
            : B extends readonly [infer L extends Dim]
              ? SameDim<K, L> extends true
                ? []
                : `inner dimensions differ: ${K} and ${L}`
              : 'a scalar has no inner dimension'
          : 'a scalar has no inner dimension';

/** Two-dimensional, each side transposed if its flag is set. */
export type Gemm<A extends AnyShape, B extends AnyShape, O> =
  RankUnknown<A> extends true
    ? [number, number]
    : RankUnknown<B> extends true
      ? [number, number]
      : A extends readonly [infer A0 extends Dim, infer A1 extends Dim]
        ? B extends readonly [infer B0 extends Dim, infer B1 extends Dim]
          ? MatMul<
              O extends { readonly transA: true | 1 } ? [A1, A0] : [A0, A1],
              O extends { readonly transB: true | 1 } ? [B1, B0] : [B0, B1]
            >
          : 'the second matrix does not have two dimensions'
        : 'the first matrix does not have two dimensions';

/** The dimension that each axis of each rank counts from the end. */
interface FromEnd {
  readonly '-1': [never, '0', '1', '2', '3', '4', '5', '6', '7'];
  readonly '-2': [never, never, '0', '1', '2', '3', '4', '5', '6'];
  readonly '-3': [never, never, never, '0', '1', '2', '3', '4', '5'];
  readonly '-4': [never, never, never, never, '0', '1', '2', '3', '4'];
  readonly '-5': [never, never, never, never, never, '0', '1', '2', '3'];
  readonly '-6': [never, never, never, never, never, never, '0', '1', '2'];
  readonly '-7': [never, never, never, never, never, never, never, '0', '1'];
  readonly '-8': [never, never, never, never, never, never, never, never, '0'];
}
/** The key of an axis in a shape's tuple; never if it has no such axis. Axes may be a union. */
type Key<S extends AnyShape, Axis extends number> = Axis extends number
  ? `${Axis}` extends keyof FromEnd
    ? FromEnd[`${Axis}`][S['length'] & keyof FromEnd[`${Axis}`]]
    : `${Axis}` & keyof S
  : never;
/** The axes that a shape of this rank does not have. */
type Beyond<S extends AnyShape, Axis extends number> = Axis extends number
  ? [Key<S, Axis>] extends [never]
    ? Axis
    : never
  : never;

type Ones<S extends AnyShape, Keys> = { -readonly [I in keyof S]: I extends Keys ? 1 : S[I] };
type Drop<
  S extends AnyShape,
  Keys,
  At extends readonly unknown[] = [],
  Done extends AnyShape = [],
> = S extends readonly [infer First extends Dim, ...infer Rest extends AnyShape]
  ? Drop<Rest, Keys, [...At, 0], `${At['length']}` extends Keys ? Done : [...Done, First]>
  : Done;

type AxesOf<O> = O extends { readonly axes: infer Axes }
  ? Axes extends readonly number[]
    ? number extends Axes[number]
      ? 'unknown'
      : Axes[number]
    : 'unknown'
  : 'all';
type KeepsDims<O> = O extends { readonly keepdims: infer K }
  ? K extends false | 0
    ? false
    : K extends true | 1
      ? true
      : 'unknown'
  : true;

/** Reduction over `axes` (all if absent); reduced axes stay with size 1 unless `keepdims` is false. */
export type Reduce<S extends AnyShape, O> =
  RankUnknown<S> extends true
    ? AxesOf<O> extends 'all'
      ? KeepsDims<O> extends false
        ? []
        : AnyShape
      : AnyShape
    : AxesOf<O> extends infer Axes
      ? [Axes] extends ['unknown']
        ? KeepsDims<O> extends true
          ? { -readonly [I in keyof S]: number }
          : AnyShape
        : [Axes] extends ['all']
          ? KeepsDims<O> extends false
            ? []
            : KeepsDims<O> extends true
              ? Ones<S, keyof S>
              : AnyShape
          : [Axes] extends [number]
            ? ReduceAxes<S, Axes, KeepsDims<O>>
            : AnyShape
      : never;
type ReduceAxes<S extends AnyShape, Axes extends number, Keep> = [Beyond<S, Axes>] extends [never]
  ? Keep extends true
    ? Ones<S, Key<S, Axes>>
    : Keep extends false
      ? Drop<S, Key<S, Axes>>
      : AnyShape
  : `axis ${Beyond<S, Axes>} is not one of ${S['length']} dimensions`;

/** ArgMax and ArgMin: one axis, 0 by default. */
export type ReduceOne<S extends AnyShape, O> = Reduce<
  S,
  {
    readonly axes: O extends { readonly axis: infer A extends number } ? readonly [A] : readonly [0];
    readonly keepdims: O extends { readonly keepdims: infer K } ? K : true;
  }
>;

/** The dimensions of the indices in the place of the axis; the first one, unless `axis` says another. */
export type Gather<S extends AnyShape, I extends AnyShape, O> =
  RankUnknown<S> extends true
    ? AnyShape
    : RankUnknown<I> extends true
      ? AnyShape
      : (O extends { readonly axis: infer A extends number } ? A : 0) extends infer A extends number
        ? number extends A
          ? AnyShape
          : [Beyond<S, A>] extends [never]
            ? Replaced<S, Key<S, A>, I>
            : `axis ${A} is not one of ${S['length']} dimensions`
        : never;
type Replaced<
  S extends AnyShape,
  Axis,
  I extends AnyShape,
  At extends readonly unknown[] = [],
  Done extends AnyShape = [],
> = S extends readonly [infer First extends Dim, ...infer Rest extends AnyShape]
  ? Replaced<Rest, Axis, I, [...At, 0], `${At['length']}` extends Axis ? [...Done, ...I] : [...Done, First]>
  : Done;

/** Drops the given axes, each of size 1; without axes every one, which types cannot tell. */
export type Squeeze<S extends AnyShape, O> =
  RankUnknown<S> extends true
    ? AnyShape
    : AxesOf<O> extends infer Axes
      ? [Axes] extends [number]
        ? SqueezeAxes<S, Axes>
        : AnyShape
      : never;
type SqueezeAxes<S extends AnyShape, Axes extends number> = [Beyond<S, Axes>] extends [never]
  ? [NotOne<S, Key<S, Axes>>] extends [never]
    ? Drop<S, Key<S, Axes>>
    : `a dimension of ${NotOne<S, Key<S, Axes>>} cannot be squeezed`
  : `axis ${Beyond<S, Axes>} is not one of ${S['length']} dimensions`;
type NotOne<S extends AnyShape, Keys> = Keys extends keyof S
  ? S[Keys] extends infer D extends Dim
    ? DimUnknown<D> extends true
      ? never
      : D extends 1
        ? never
        : D
    : never
  : never;

/** Inserts axes of size 1, counted in the result. */
export type Unsqueeze<S extends AnyShape, Axes> =
  RankUnknown<S> extends true
    ? AnyShape
    : Axes extends readonly number[]
      ? number extends Axes[number]
        ? AnyShape
        : number extends Axes['length']
          ? AnyShape
          : Insert<S, [...S, ...Axes], Axes[number]>
      : AnyShape;
type Insert<S extends AnyShape, Wide extends AnyShape, Axes extends number> = [Beyond<Wide, Axes>] extends [
  never,
]
  ? Fill<S, Wide, Key<Wide, Axes>>
  : `axis ${Beyond<Wide, Axes>} is not one of ${Wide['length']} dimensions`;
type Fill<
  S extends AnyShape,
  Wide extends AnyShape,
  Keys,
  Done extends AnyShape = [],
> = Done['length'] extends Wide['length']
  ? Done
  : `${Done['length']}` extends Keys
    ? Fill<S, Wide, Keys, [...Done, 1]>
    : S extends readonly [infer First extends Dim, ...infer Rest extends AnyShape]
      ? Fill<Rest, Wide, Keys, [...Done, First]>
      : 'an axis is named twice';

type Reversed<S extends AnyShape> = S extends readonly [
  infer First extends Dim,
  ...infer Rest extends AnyShape,
]
  ? [...Reversed<Rest>, First]
  : [];

/** By `perm`; without, all dimensions reversed. */
export type Transpose<S extends AnyShape, O> =
  RankUnknown<S> extends true
    ? AnyShape
    : O extends { readonly perm: infer Perm }
      ? Perm extends readonly number[]
        ? number extends Perm['length']
          ? { -readonly [I in keyof S]: number }
          : Permute<S, Perm>
        : { -readonly [I in keyof S]: number }
      : Reversed<S>;
type Permute<S extends AnyShape, Perm extends readonly number[]> = Perm['length'] extends S['length']
  ? [Exclude<Extract<keyof S, `${number}`>, `${Perm[number]}`>] extends [never]
    ? { -readonly [I in keyof Perm]: S[Perm[I]] }
    : `perm does not name dimension ${Exclude<Extract<keyof S, `${number}`>, `${Perm[number]}`>}`
  : `perm has ${Perm['length']} entries for ${S['length']} dimensions`;

/** Sizes copied with 0, inferred with -1 (left unknown here; recording counts the elements). */
export type Reshape<S extends AnyShape, To> = To extends readonly number[]
  ? number extends To['length']
    ? AnyShape
    : ReshapeDims<S, To, [], false>
  : To extends Tensor<'int64'>
    ? ShapeOf<To> extends readonly [infer Rank extends number]
      ? number extends Rank
        ? AnyShape
        : Unknowns<Rank>
      : AnyShape
    : AnyShape;
type Unknowns<Rank extends number, Done extends AnyShape = []> = Done['length'] extends Rank | 16
  ? Done
  : Unknowns<Rank, [...Done, number]>;
type ReshapeDims<
  S extends AnyShape,
  To extends readonly number[],
  Done extends AnyShape,
  Inferred extends boolean,
> = To extends readonly [infer First extends number, ...infer Rest extends readonly number[]]
  ? number extends First
    ? ReshapeDims<S, Rest, [...Done, number], Inferred>
    : First extends -1
      ? Inferred extends true
        ? 'only one dimension can be -1'
        : ReshapeDims<S, Rest, [...Done, number], true>
      : First extends 0
        ? RankUnknown<S> extends true
          ? ReshapeDims<S, Rest, [...Done, number], Inferred>
          : `${Done['length']}` extends keyof S
            ? ReshapeDims<S, Rest, [...Done, S[`${Done['length']}`] & Dim], Inferred>
            : `0 copies dimension ${Done['length']}, but there are ${S['length']}`
        : `${First}` extends `-${number}`
          ? `${First} is not a size`
          : ReshapeDims<S, Rest, [...Done, First], Inferred>
  : Inferred extends true
    ? Done
    : SameCount<S, Done>;
/** All sizes known on both sides: their products must agree. */
type SameCount<S extends AnyShape, To extends AnyShape> =
  Product<S> extends infer A
    ? A extends number
      ? Product<To> extends infer B
        ? B extends number
          ? A extends B
            ? To
            : `${A} elements cannot become ${B}`
          : To
        : never
      : To
    : never;

/** The number of elements; 'unknown' if a size is not a number. */
type Product<S extends AnyShape, Done extends number = 1> =
  RankUnknown<S> extends true
    ? 'unknown'
    : S extends readonly [infer First extends Dim, ...infer Rest extends AnyShape]
      ? First extends number
        ? number extends First
          ? 'unknown'
          : Product<Rest, Multiply<Done, First>>
        : 'unknown'
      : Done;

/** Sum of the axis, all else equal. */
export type Concat<L extends readonly Tensor[], O> = L extends readonly [
  infer First extends Tensor,
  ...infer Rest extends readonly Tensor[],
]
  ? O extends { readonly axis: infer Axis extends number }
    ? RankUnknown<ShapeOf<First>> extends true
      ? AnyShape
      : [Key<ShapeOf<First>, Axis>] extends [never]
        ? `axis ${Axis} is not one of ${ShapeOf<First>['length']} dimensions`
        : ConcatRest<[...ShapeOf<First>], Rest, Key<ShapeOf<First>, Axis>>
    : AnyShape
  : AnyShape;
type ConcatRest<S, L extends readonly Tensor[], Axis> = S extends AnyShape
  ? L extends readonly [infer Next extends Tensor, ...infer Rest extends readonly Tensor[]]
    ? RankUnknown<ShapeOf<Next>> extends true
      ? AnyShape
      : S['length'] extends ShapeOf<Next>['length']
        ? ConcatRest<ConcatPair<S, ShapeOf<Next>, Axis>, Rest, Axis>
        : `ranks differ: ${S['length']} and ${ShapeOf<Next>['length']}`
    : number extends L['length']
      ? { -readonly [I in keyof S]: I extends Axis ? number : S[I] }
      : S
  : S;
type ConcatPair<
  A extends AnyShape,
  B extends AnyShape,
  Axis,
  Done extends AnyShape = [],
> = A extends readonly [infer A0 extends Dim, ...infer RestA extends AnyShape]
  ? B extends readonly [infer B0 extends Dim, ...infer RestB extends AnyShape]
    ? `${Done['length']}` extends Axis
      ? ConcatPair<RestA, RestB, Axis, [...Done, ConcatDim<A0, B0>]>
      : SameDim<A0, B0> extends true
        ? ConcatPair<RestA, RestB, Axis, [...Done, DimUnknown<A0> extends true ? B0 : A0]>
        : `dimension ${Done['length']} differs: ${A0} and ${B0}`
    : Done
  : Done;
type ConcatDim<A extends Dim, B extends Dim> = A extends number
  ? B extends number
    ? number extends A
      ? number
      : number extends B
        ? number
        : Add<A, B>
    : number
  : number;

/** The dtype of a list's values. */
export type ListElement<L extends readonly Tensor[]> = L extends readonly [
  infer A extends Tensor,
  ...unknown[],
]
  ? ElementOf<A>
  : ElementOf<L[number]>;

/** Everything in one list has one dtype, and lives where the first cohort in it does. */
export type ListErrors<Name extends string, L extends readonly Tensor[]> = L extends readonly [
  infer A extends Tensor,
  ...infer Rest extends readonly Tensor[],
]
  ? { [I in keyof Rest]: PairErrors<Name, A, Rest[I]> }[number]
  : never;
