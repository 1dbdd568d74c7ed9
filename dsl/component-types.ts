// The static side of a component: methods typed by the declaration of its role.

import type { DType, Operand, ProtocolDeclaration, RoleMethod, RoleMethods, roles } from '../ir/index.ts';
import type { Known, StatedShape } from './containers.ts';
import type { Duration } from './duration.ts';
import type { OnErrors } from './place.ts';
import type {
  AnyShape,
  Checked,
  Dim,
  DTypeErrors,
  ElementOf,
  FlatLiteral,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';

/** What a slot's values are, by name, where the role leaves that to the author. */
export type SlotFields = Readonly<Record<string, readonly [dtype: DType, shape: StatedShape]>>;

type Operands = readonly Operand[];

/** What may be given for an operand. */
export type Given<I> = I extends Operand
  ? I['dtype'] extends 'T' | 'U'
    ? Tensor
    : I['dtype'] extends 'string'
      ? Tensor | string | readonly string[]
      : Tensor | FlatLiteral
  : never;

type GivenErrors<Name extends string, I, A, P extends string> = A extends Tensor
  ? (I extends { readonly dtype: infer D extends DType } ? DTypeErrors<Name, D, A> : never) | OnErrors<A, P>
  : never;

type DTypeOfLetter<L, Ins, Args> = Ins extends readonly [infer I extends Operand, ...infer MoreIns]
  ? Args extends readonly [infer A, ...infer MoreArgs]
    ? I['dtype'] extends L
      ? A extends Tensor
        ? ElementOf<A>
        : DType
      : DTypeOfLetter<L, MoreIns, MoreArgs>
    : DType
  : DType;

/** The sizes that a name stands for: one, or, as `...S`, a list; never: nothing says. */
type SizesIn<Name, S, G extends AnyShape> = number extends G['length']
  ? never
  : S extends readonly [infer Head, ...infer Rest]
    ? Head extends Name
      ? Head extends `...${string}`
        ? G
        : G[0]
      : G extends readonly [Dim, ...infer More extends AnyShape]
        ? SizesIn<Name, Rest, More>
        : never
    : never;
type Sizes<Name, Ins, Args> = Ins extends readonly [infer I extends Operand, ...infer MoreIns]
  ? Args extends readonly [infer A, ...infer MoreArgs]
    ? (A extends Tensor ? SizesIn<Name, I['shape'], ShapeOf<A>> : never) | Sizes<Name, MoreIns, MoreArgs>
    : never
  : never;

type ShapeFor<S, Ins, Args, Done extends readonly Dim[] = []> = S extends readonly [
  infer Head extends Dim,
  ...infer Rest,
]
  ? Head extends `...${string}`
    ? [Sizes<Head, Ins, Args>] extends [infer Found extends AnyShape]
      ? [Found] extends [never]
        ? AnyShape
        : [...Done, ...Found]
      : AnyShape
    : ShapeFor<Rest, Ins, Args, [...Done, Head extends number ? Head : DimFor<Sizes<Head, Ins, Args>>]>
  : Done;
type DimFor<Found> = [Found] extends [never] ? number : Found extends Dim ? Found : number;

type ResultOf<O, Ins, Args, P extends string> = O extends Operand
  ? Value<
      O['dtype'] extends DType ? O['dtype'] : DTypeOfLetter<O['dtype'], Ins, Args>,
      ShapeFor<O['shape'], Ins, Args>,
      P
    >
  : never;

type ByName<Outs extends Operands, Ins, Args, P extends string> = {
  readonly [O in Outs[number] as O['name']]: ResultOf<O, Ins, Args, P>;
};

/** Nothing of an update, one value by itself, several by name. */
type Results<
  M extends RoleMethod,
  Args,
  P extends string,
  F extends SlotFields,
> = M['outputs'] extends 'fields'
  ? { readonly [Name in keyof F]: Value<F[Name][0], Known<F[Name][1]>, P> }
  : M['outputs'] extends readonly []
    ? undefined
    : M['outputs'] extends readonly [infer Only]
      ? ResultOf<Only, M['inputs'], Args, P>
      : M['outputs'] extends Operands
        ? ByName<M['outputs'], M['inputs'], Args, P>
        : never;

type Choices<M extends RoleMethod> = {
  readonly [Name in keyof M['options'] as M['options'][Name] extends readonly []
    ? never
    : Name]?: M['options'][Name][number];
} & {
  readonly [Name in keyof M['options'] as M['options'][Name] extends readonly [] ? Name : never]: string;
};
type AskOptions<M extends RoleMethod> = M['kind'] extends 'ask'
  ? {
      /** How long the answer may take. */
      readonly within?: Duration;
    }
  : unknown;
type Options<M extends RoleMethod> = Choices<M> & AskOptions<M>;
/** Options that must be given are; others may be left out. */
type Rest<M extends RoleMethod> = object extends Options<M> ? [options?: Options<M>] : [options: Options<M>];

type Call<
  Name extends string,
  M extends RoleMethod,
  P extends string,
  F extends SlotFields,
> = M['inputs'] extends readonly [infer A, infer B, infer C]
  ? <const X extends Given<A>, const Y extends Given<B>, const Z extends Given<C>>(
      first: Checked<X, GivenErrors<Name, A, X, P>>,
      second: Checked<Y, GivenErrors<Name, B, Y, P>>,
      third: Checked<Z, GivenErrors<Name, C, Z, P>>,
      ...rest: Rest<M>
    ) => Results<M, [X, Y, Z], P, F>
  : M['inputs'] extends readonly [infer A, infer B]
    ? <const X extends Given<A>, const Y extends Given<B>>(
        first: Checked<X, GivenErrors<Name, A, X, P>>,
        second: Checked<Y, GivenErrors<Name, B, Y, P>>,
        ...rest: Rest<M>
      ) => Results<M, [X, Y], P, F>
    : M['inputs'] extends readonly [infer A]
      ? <const X extends Given<A>>(
          first: Checked<X, GivenErrors<Name, A, X, P>>,
          ...rest: Rest<M>
        ) => Results<M, [X], P, F>
      : (...rest: Rest<M>) => Results<M, [], P, F>;

/** A component as authors call it: each method of its role, by its name in lower camel case. */
export type Component<Methods extends RoleMethods, P extends string, F extends SlotFields = SlotFields> = {
  readonly [Name in keyof Methods & string as Uncapitalize<Name>]: Call<
    Uncapitalize<Name>,
    Methods[Name],
    P,
    F
  >;
};

export type MethodsOf<Role extends keyof typeof roles> = (typeof roles)[Role];
export type Protocol<D extends ProtocolDeclaration, P extends string> = Component<D['methods'], P>;
