// What a layer of one input does to shapes and dtypes, as a type: so a list of layers is typed by applying one rule after
// the other. A rule is an interface that sees what enters as `this['shape']`; applying it is an intersection, which is
// cheap, and no layer needs a generic function type of its own.

import type { Found, SameDim } from '../rules.ts';
import type {
  AnyShape,
  Checked,
  Dim,
  DTypeError,
  Element,
  ElementOf,
  Join,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
  Value,
} from '../types.ts';

export interface Rule {
  /** What diagnostics call it. */
  readonly name: string;
  /** The shape that enters. */
  readonly shape: unknown;
  /** The element types that may enter. */
  readonly takes: Element;
  /** The shape that leaves, or a text that says why none can. */
  readonly gives: unknown;
  /** The element type that leaves; `same`: the one that entered. */
  readonly holds: Element | 'same';
}

/** The shape that leaves, or a text. */
export type Apply<R extends Rule, S> = (R & { readonly shape: S })['gives'];

/** A layer of one input, its parameters given. */
export type Unary<R extends Rule> = <V extends Tensor>(
  x: Checked<V, UnaryErrors<R, V>>,
) => Value<Holds<R, V>, Found<Apply<R, ShapeOf<V>>>, Join<PlaceOf<V>, 'any'>>;

type Holds<R extends Rule, V extends Tensor> = R['holds'] extends 'same'
  ? ElementOf<V>
  : Exclude<R['holds'], 'same'>;

type UnaryErrors<R extends Rule, V extends Tensor> =
  | ([ElementOf<V> & R['takes']] extends [never]
      ? [ElementOf<V>] extends [never]
        ? never
        : DTypeError<`${R['name']}: it takes ${R['takes']}, not ${ElementOf<V>}`>
      : never)
  | (Apply<R, ShapeOf<V>> extends infer Text extends string ? ShapeError<`${R['name']}: ${Text}`> : never);

/** The same shape. */
export interface SameShape<Name extends string, D extends Element = Element> extends Rule {
  readonly name: Name;
  readonly takes: D;
  readonly gives: this['shape'];
  readonly holds: 'same';
}

/** The last dimension becomes another. */
export interface LastDim<Name extends string, D extends Element, From extends number, To extends number>
  extends Rule {
  readonly name: Name;
  readonly takes: D;
  readonly gives: ReplaceLast<this['shape'], From, To>;
  readonly holds: 'same';
}
type ReplaceLast<S, From extends number, To extends number> = S extends AnyShape
  ? number extends S['length']
    ? AnyShape
    : S extends readonly [...infer Before extends AnyShape, infer Last extends Dim]
      ? SameDim<Last, From> extends true
        ? [...Before, To]
        : `the last dimension is ${Last}, not ${From}`
      : 'a scalar has no last dimension'
  : AnyShape;

/** [N, channels, ...] stays, `Spatial` dimensions after it, if said. */
export interface Channels<
  Name extends string,
  D extends Element,
  C extends number,
  To extends number,
  Spatial extends number,
> extends Rule {
  readonly name: Name;
  readonly takes: D;
  readonly gives: ReplaceChannels<this['shape'], C, To, Spatial>;
  readonly holds: 'same';
}
type ReplaceChannels<S, C extends number, To extends number, Spatial extends number> = S extends AnyShape
  ? number extends S['length']
    ? AnyShape
    : S extends readonly [infer N extends Dim, infer Has extends Dim, ...infer Rest extends AnyShape]
      ? Rest['length'] extends Spatial
        ? SameDim<Has, C> extends true
          ? [N, number extends To ? Has : To, ...{ -readonly [I in keyof Rest]: number }]
          : `it has ${Has} channels, not ${C}`
        : `${Rest['length']} dimensions follow the channels, not ${Spatial}`
      : 'there is no dimension of channels'
  : AnyShape;

/** [N, channels, ...] of any rank stays as it is. */
export interface SameChannels<Name extends string, D extends Element, C extends number> extends Rule {
  readonly name: Name;
  readonly takes: D;
  readonly gives: KeepChannels<this['shape'], C>;
  readonly holds: 'same';
}
type KeepChannels<S, C extends number> = S extends AnyShape
  ? number extends S['length']
    ? AnyShape
    : S extends readonly [Dim, infer Has extends Dim, ...AnyShape]
      ? SameDim<Has, C> extends true
        ? S
        : `it has ${Has} channels, not ${C}`
      : 'there is no dimension of channels'
  : AnyShape;

/** Every dimension after the channels becomes 1. */
export interface GlobalPool<Name extends string> extends Rule {
  readonly name: Name;
  readonly takes: 'float16' | 'bfloat16' | 'float32' | 'float64';
  readonly gives: this['shape'] extends readonly [infer N, infer C, ...infer Rest]
    ? [N, C, ...{ -readonly [I in keyof Rest]: 1 }]
    : AnyShape;
  readonly holds: 'same';
}

/** [N, ...] to two dimensions. */
export interface Flattened extends Rule {
  readonly name: 'flatten';
  readonly takes: Element;
  readonly gives: this['shape'] extends readonly [infer N, ...(readonly unknown[])] ? [N, number] : AnyShape;
  readonly holds: 'same';
}

/** Each whole number becomes a row. */
export interface Rows<D extends Element, Size extends number> extends Rule {
  readonly name: 'embedding';
  readonly takes: 'int32' | 'int64';
  readonly gives: this['shape'] extends AnyShape
    ? number extends this['shape']['length']
      ? AnyShape
      : [...this['shape'], Size]
    : AnyShape;
  readonly holds: D;
}
