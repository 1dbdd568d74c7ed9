// Types of values that are no plain tensors, as authors state them.

import { type DType, tensorType, type ValueType } from '../ir/index.ts';
import type { AnyShape, Dim, Element } from './types.ts';

declare const element: unique symbol;

/** The type of a container of tensors; its static side names what it holds. */
export interface ContainerType<out E extends Element = Element> {
  readonly [element]: E;
  readonly type: ValueType;
}

/** A shape as authors state it: sizes, names, and null for a dimension that is not known. */
export type StatedShape = readonly (Dim | null)[];
/** The shape of a value whose type was stated so. */
export type Known<S extends StatedShape> = { -readonly [I in keyof S]: S[I] extends Dim ? S[I] : number };

export const statedDims = (shape: StatedShape | undefined): (Dim | null)[] | undefined => shape && [...shape];

const container = <E extends Element>(type: ValueType): ContainerType<E> =>
  ({ type }) as unknown as ContainerType<E>;

/** A sequence of tensors of one dtype: `sequenceOf(float32, [null, 10])`. Without a shape they may have any. */
export const sequenceOf = <const D extends DType>(
  dtype: D,
  shape?: StatedShape,
): ContainerType<`seq(${D})`> => container({ kind: 'sequence', elem: tensorType(dtype, statedDims(shape)) });

interface OptionalOf {
  <const D extends DType>(dtype: D, shape?: StatedShape): ContainerType<`optional(${D})`>;
  <const D extends DType>(sequence: ContainerType<`seq(${D})`>): ContainerType<`optional(seq(${D}))`>;
}
/** A tensor or a sequence that may be absent: `optionalOf(float32, [2])`, `optionalOf(sequenceOf(float32))`. */
export const optionalOf = ((of: DType | { readonly type: ValueType }, shape?: StatedShape) => {
  const elem = typeof of === 'string' ? tensorType(of, statedDims(shape)) : of.type;
  return container({ kind: 'optional', elem });
}) as OptionalOf;

/** The type that an author stated as `dtype, shape` or as a container. */
export const statedType = (of: DType | ContainerType, shape: StatedShape | undefined): ValueType =>
  typeof of === 'string' ? tensorType(of, statedDims(shape)) : of.type;

/** What a shape that was left out means. */
export type ShapeOr<S> = S extends StatedShape ? Known<S> : AnyShape;
