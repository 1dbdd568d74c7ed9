// What a layer's parameters are before they have values: dtype, dims and how to start.

import type { Value } from '../types.ts';
import type { Initialiser } from './initialise.ts';

export type Float = 'float16' | 'bfloat16' | 'float32' | 'float64';

/** A parameter, or a buffer, of a layer. */
export interface Spec<out D extends Float = Float, out S extends readonly number[] = readonly number[]> {
  readonly dtype: D;
  readonly dims: S;
  readonly initialiser: Initialiser;
}
/** By name; names of layers in layers are joined by a dot, as scopes and states are. */
export type Specs = Readonly<Record<string, Spec>>;
/** Of a layer without any. */
export type None = Readonly<Record<never, Spec>>;

/** The value that a spec describes. */
export type ValueOf<One, P extends string = string> =
  One extends Spec<infer D, infer S> ? Value<D, [...S], P> : never;
/** Values by name, as initial() gives them. */
export type ValuesOf<P> = { readonly [Name in keyof P]: ValueOf<P[Name], 'any'> };

/** What is read where it is used: a state. */
export interface Readable<out V> {
  read(): V;
}
/** A value or a state for each name. */
export type Given<P> = {
  readonly [Name in keyof P]: ValueOf<P[Name]> | Readable<ValueOf<P[Name]>>;
};

/** `weight` and, unless it is switched off, `bias`. */
export type WithBias<
  D extends Float,
  W extends readonly number[],
  B extends readonly number[],
  HasBias extends boolean,
> = HasBias extends false
  ? { readonly weight: Spec<D, W> }
  : { readonly weight: Spec<D, W>; readonly bias: Spec<D, B> };

export const spec = <D extends Float, const S extends readonly number[]>(
  dtype: D,
  dims: S,
  initialiser: Initialiser,
): Spec<D, S> => ({ dtype, dims, initialiser });
