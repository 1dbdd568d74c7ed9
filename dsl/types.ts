// The static side of a value: dtype, shape and place as type parameters, and how mistakes are shown.
//
// A wrong argument makes the *parameter's* type an error type whose name and text say what is wrong, so that the
// editor underlines that argument and nothing else. (As result types an unused bad result would be no error;
// as intersections messages grow and literals widen.)

import type { DType } from '../ir/index.ts';
import type { Ops } from './methods.ts';

declare const element: unique symbol;
declare const shape: unique symbol;
declare const place: unique symbol;
declare const message: unique symbol;

/** What a value holds: elements of a tensor, or a container of tensors. */
export type Element = DType | `seq(${DType})` | `optional(${DType})` | `optional(seq(${DType}))`;

/** A dimension: a size such as 784, a name such as 'N', or, as plain `number` or `string`, not known. */
export type Dim = number | string;
/** A shape of unknown rank; every shape is one. */
export type AnyShape = readonly Dim[];

/**
 * A value of the computation, recorded, not computed. Values never change; a method records an op and gives a new one.
 *
 * `D` is the dtype, such as `"float32"`, or `never` where only the recording knows it; `S` the shape, such as `["N", 784]`; `P` the place: the name of a peer
 * (`"server"`), of every member of a cohort (`"phone.each"`), or `"any"` where the compiler decides.
 */
export interface Value<
  out D extends Element = Element,
  out S extends AnyShape = AnyShape,
  out P extends string = string,
> extends Ops {
  readonly [element]: D;
  readonly [shape]: S;
  readonly [place]: P;
}

/** A value of any shape, anywhere. */
export type Tensor<D extends Element = Element> = Value<D, AnyShape, string>;

export type ElementOf<V extends Tensor> = V[typeof element];
export type ShapeOf<V extends Tensor> = V[typeof shape];
export type PlaceOf<V extends Tensor> = V[typeof place];

/** What is wrong with a shape, as the type that the argument should have had. */
export interface ShapeError<Text extends string> {
  readonly [message]: Text;
}
/** What is wrong with an element type. */
export interface DTypeError<Text extends string> {
  readonly [message]: Text;
}
/** What is wrong with a place: a value would have to cross where only the author can say how. */
export interface PlaceError<Text extends string> {
  readonly [message]: Text;
}

/** The argument type `W`, unless there are errors: then the errors. */
export type Checked<W, Errors> = [Errors] extends [never] ? W : Errors;

/** Numbers and nested lists of numbers become constants of the dtype that the op needs. */
export type Literal = FlatLiteral | Rows<FlatLiteral> | Rows<Rows<FlatLiteral>>;
/** Named level by level: a recursive type costs the compiler too much wherever a call's result is an operand. */
type Rows<T> = readonly T[];
/** A number or a list of numbers. */
export type FlatLiteral = number | bigint | boolean | readonly (number | bigint | boolean)[];

/** Element types must be equal where they are known (`never`: not known). */
export type DTypeErrors<Name extends string, A extends Element, B> = B extends Tensor
  ? [A & ElementOf<B>] extends [never]
    ? [A] extends [never]
      ? never
      : [ElementOf<B>] extends [never]
        ? never
        : DTypeError<`${Name}: dtypes differ: ${A} and ${ElementOf<B>}`>
    : never
  : never;

/** Places where a value lives once per member. */
export type Many = `${string}.each` | `${string}.some`;
/** The class of such a place. */
export type ClassOf<P extends string> = P extends `${infer C}.each`
  ? C
  : P extends `${infer C}.some`
    ? C
    : never;
/** Where a value of many may be used besides: at some, or one, of the same members; at those whom members of it bound. */
export type PartOf<P extends string> =
  | `${ClassOf<P>}.some`
  | `${ClassOf<P>}.one`
  | `${P}/${string}`
  | `${ClassOf<P>}.some/${string}`;
/** Where the binder of a place was written, `"head.each"` of `"head.each/phone.some"`; `any` where nobody of many did. */
export type AroundOf<P extends string> = P extends `${infer Outer}/${infer Inner}`
  ? Inner extends `${string}/${string}`
    ? `${Outer}/${AroundOf<Inner>}`
    : Outer
  : 'any';

/** Where the result of an op over values at `A` and `B` lives, as far as the author has said. */
export type Join<A extends string, B extends string> = A extends Many
  ? B extends `${ClassOf<A>}.some` | `${A}/${string}`
    ? B
    : A
  : B extends Many
    ? B
    : 'any';
export type JoinOf<A extends string, B> = B extends Tensor ? Join<A, PlaceOf<B>> : Join<A, 'any'>;

export type PlaceErrors<Name extends string, A extends string, B> = B extends Tensor
  ? A extends Many
    ? PlaceOf<B> extends Many
      ? ClassOf<A> extends ClassOf<PlaceOf<B>>
        ? never
        : PlaceOf<B> extends `${A}/${string}`
          ? never
          : A extends `${PlaceOf<B>}/${string}`
            ? never
            : PlaceError<`${Name}: one value is at ${A}, the other at ${PlaceOf<B>}; collect one of them`>
      : never
    : never
  : never;

/** Errors of a second operand that must share dtype and be where the first can reach. */
export type PairErrors<Name extends string, A, B> = A extends Tensor
  ? DTypeErrors<Name, ElementOf<A>, B> | PlaceErrors<Name, PlaceOf<A>, B>
  : never;
/** The element type of an operand that may be a literal. */
export type ElementIn<B> = B extends Tensor ? ElementOf<B> : DType;

/** Shapes of operands; a literal has that of its nested lists. */
export type OperandShape<B> = B extends Tensor
  ? ShapeOf<B>
  : B extends readonly unknown[]
    ? NestedShape<B>
    : [];
/** The shape of nested arrays: lengths along the first elements, eight levels at most. */
export type NestedShape<T, Done extends readonly number[] = []> = Done['length'] extends 8
  ? Done
  : T extends readonly unknown[]
    ? NestedShape<T[0], [...Done, T['length']]>
    : Done;

/** A shape without its `readonly`, for short hovers. */
export type Plain<S extends AnyShape> = [...S];
/** The same rank, sizes not known. */
export type SameRank<S extends AnyShape> = number extends S['length']
  ? AnyShape
  : { -readonly [I in keyof S]: number };
/** The dtype that an option names. */
export type DTypeOfOption<O, Key extends string, Otherwise extends Element> =
  O extends Readonly<Record<Key, infer D extends DType>> ? D : Otherwise;

/** What a container of this element type holds. */
export type Held<E extends Element> = E extends `seq(${infer D extends DType})`
  ? D
  : E extends `optional(${infer Inner extends DType | `seq(${DType})`})`
    ? Inner
    : E;
/** The dtype of a tensor attribute `value`; without one, zeros of float32. */
export type FilledWith<O> = O extends { readonly value: infer V }
  ? V extends { readonly dtype: infer D extends DType }
    ? D
    : DType
  : 'float32';
/** As many values as an op is told to give, where the type of its options says how many. */
export type Parts<V, O> = O extends { readonly numOutputs: infer N extends number }
  ? number extends N
    ? V[]
    : Repeated<V, N>
  : O extends { readonly split: infer Sizes extends readonly number[] }
    ? { -readonly [I in keyof Sizes]: V }
    : O extends { readonly split: infer Sizes extends Tensor }
      ? ShapeOf<Sizes> extends readonly [infer N extends number]
        ? number extends N
          ? V[]
          : Repeated<V, N>
        : V[]
      : V[];
type Repeated<V, N extends number, Done extends V[] = []> = Done['length'] extends N | 64
  ? Done
  : Repeated<V, N, [...Done, V]>;
