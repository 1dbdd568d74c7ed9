// Codecs of edges: what a program and a plan call one.

import type { Slot } from './deployment.ts';
import type { DType } from './types.ts';

/** The codec of an edge whose values cross as they are. */
export const RAW = 'raw';

/** A kind of component of the role codec, and its settings. */
export type CodecUse = { readonly kind: string } & Readonly<Record<string, string | number | boolean>>;

/** What an edge calls its codec, which says all of it: `float16`, `int8 block=64`. */
export const codecName = ({ kind, ...settings }: CodecUse): string =>
  [kind, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)].join(' ');

/** The slot, and the component, that encodes and decodes what crosses an edge. */
export const codecSlot = (name: string): string => `codec ${name}`;

/** What a name says; undefined: it is none. */
export function codecOptions(name: string): Slot['options'] | undefined {
  const [kind, ...settings] = name.split(' ');
  const pairs = settings.map((one) => /^(?!kind=)(\w+)=([^=]+)$/.exec(one));
  if (!/^[\w.-]+$/.test(kind!) || kind === RAW || pairs.includes(null)) return undefined;
  const said = pairs.map((pair) => [
    pair![1]!,
    Number.isFinite(Number(pair![2])) ? Number(pair![2]) : pair![2]!,
  ]);
  return { kind: kind!, ...Object.fromEntries(said) };
}

/** Codecs are for real numbers; all else crosses as it is. */
export const isCoded = (dtype: DType | null | undefined): boolean =>
  dtype === 'float32' || dtype === 'float64';
