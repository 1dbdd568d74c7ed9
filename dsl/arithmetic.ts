// Decimal arithmetic in types, on digit strings: a few steps per digit, where tuple lengths would take one per unit.

type Nine = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
interface Tuples {
  0: [];
  1: [0];
  2: [0, 0];
  3: [0, 0, 0];
  4: [0, 0, 0, 0];
  5: [0, 0, 0, 0, 0];
  6: [0, 0, 0, 0, 0, 0];
  7: [0, 0, 0, 0, 0, 0, 0];
  8: [0, 0, 0, 0, 0, 0, 0, 0];
  9: [0, 0, 0, 0, 0, 0, 0, 0, 0];
}
type SplitLast<T extends string, Head extends string = ''> = T extends `${infer C}${infer Rest}`
  ? Rest extends ''
    ? [Head, C]
    : SplitLast<Rest, `${Head}${C}`>
  : ['', '0'];
type Digit<C> = C extends `${infer N extends Nine}` ? N : 0;
type AddDigits<
  A extends string,
  B extends string,
  Carry extends readonly 0[],
  Done extends string,
> = A extends ''
  ? B extends ''
    ? Carry extends []
      ? Done
      : `1${Done}`
    : AddStep<SplitLast<A>, SplitLast<B>, Carry, Done>
  : AddStep<SplitLast<A>, SplitLast<B>, Carry, Done>;
type AddStep<
  A extends readonly [string, string],
  B extends readonly [string, string],
  Carry extends readonly 0[],
  Done extends string,
> = [...Tuples[Digit<A[1]>], ...Tuples[Digit<B[1]>], ...Carry]['length'] extends infer Sum extends number
  ? `${Sum}` extends `1${infer Low extends Nine}`
    ? AddDigits<A[0], B[0], [0], `${Low}${Done}`>
    : AddDigits<A[0], B[0], [], `${Sum}${Done}`>
  : never;
type ToNumber<T extends string> = T extends `0${infer Rest}`
  ? Rest extends ''
    ? 0
    : ToNumber<Rest>
  : T extends `${infer N extends number}`
    ? N
    : number;
/** `A + B`, for whole numbers from 0. */
export type Add<A extends number, B extends number> = ToNumber<AddDigits<`${A}`, `${B}`, [], ''>>;

type Times<A extends string, Count extends readonly 0[], Done extends string = '0'> = Count extends readonly [
  0,
  ...infer Rest extends readonly 0[],
]
  ? Times<A, Rest, AddDigits<Done, A, [], ''>>
  : Done;
type MultiplyDigits<
  A extends string,
  B extends string,
  Done extends string = '0',
> = B extends `${infer C}${infer Rest}`
  ? MultiplyDigits<A, Rest, AddDigits<`${Done}0`, Times<A, Tuples[Digit<C>]>, [], ''>>
  : Done;
/** `A · B`, for whole numbers from 0. */
export type Multiply<A extends number, B extends number> = ToNumber<MultiplyDigits<`${A}`, `${B}`>>;
