// Where the values of parameters come from: initialisers, states, files.

import { elementCount, type Tensor as TensorData } from '../../ir/index.ts';
import { foldKey, hashName, keyOf, type PhiloxKey } from '../../ir/philox.ts';
import { addConstant } from '../constant.ts';
import { packElements } from '../elements.ts';
import type { Place } from '../place.ts';
import { type Key, wordsOf } from '../random/key.ts';
import { type Recorder, recorder } from '../recorder.ts';
import { type State, state } from '../state.ts';
import type { ElementOf, ShapeOf, Tensor } from '../types.ts';
import { isValue, toValue } from '../value.ts';
import type { Weights } from '../weights.ts';
import { isSpec } from './compose.ts';
import type { Initialiser } from './initialise.ts';
import { zeros } from './initialise.ts';
import { problem } from './layer.ts';
import type { Float, Spec, Specs, ValuesOf } from './spec.ts';

/** A parameter of one's own, for `model`. */
export const parameter = <const S extends readonly number[], D extends Float = 'float32'>(
  dims: S,
  { initialise = zeros(), dtype }: { readonly initialise?: Initialiser; readonly dtype?: D } = {},
): Spec<D, S> => ({ dtype: dtype ?? ('float32' as D), dims, initialiser: initialise });

/** A seed, or a key made of one. */
export type Seed = number | bigint | Key;

/**
 * Constants with which parameters start. The bits of each depend on the seed and on its name alone. Fails (BB330) for a
 * key that is only known when the program runs.
 */
export function initial<P extends Specs>(specs: P, seed: Seed): ValuesOf<P> {
  const owner = recorder('initial');
  return owner.call(initial, () => {
    const key = seedKey(owner, seed);
    const entries = Object.entries(specs).map(([name, spec]) => [name, start(owner, name, spec, key)]);
    return Object.fromEntries(entries);
  }) as never;
}

function seedKey(owner: Recorder, seed: Seed): PhiloxKey {
  if (typeof seed === 'bigint') return keyOf(seed);
  if (typeof seed === 'number') {
    if (!Number.isSafeInteger(seed)) throw problem('initial', `the seed ${seed} is no whole number`);
    return keyOf(BigInt(seed));
  }
  const reason = 'the key is only known when the program runs';
  return wordsOf(seed) ?? owner.fail('BB330', { what: 'initial', reason });
}

function start(owner: Recorder, name: string, { dtype, dims, initialiser }: Spec, key: PhiloxKey): Tensor {
  const elements = initialiser(dims, foldKey(key, hashName(name)));
  if (elements.length !== elementCount(dims)) {
    owner.fail('BB330', {
      what: name,
      reason: `its initialiser gives ${elements.length} numbers for [${dims.join(', ')}]`,
    });
  }
  return toValue(addConstant(owner, packed(dtype, dims, elements), name), owner);
}

function packed(dtype: Float, dims: readonly number[], elements: Float64Array): TensorData {
  if (dtype === 'float32') return { dtype, dims, bytes: new Uint8Array(Float32Array.from(elements).buffer) };
  if (dtype === 'float64') return { dtype, dims, bytes: new Uint8Array(elements.slice().buffer) };
  return { dtype, dims, bytes: packElements(dtype, [...elements]) };
}

type StatesOf<R, P extends string> = {
  readonly [Name in keyof R]: R[Name] extends Spec<infer D, infer S>
    ? State<D, [...S], P>
    : R[Name] extends Tensor
      ? State<ElementOf<R[Name]>, ShapeOf<R[Name]>, P>
      : never;
};

/**
 * A state for each parameter, or for each value that one shall start as: what a layer's `parameters` and `buffers`, or
 * an imported model's, become where they are trained. The keys of the states are the names.
 */
export function states<R extends Readonly<Record<string, Spec | Tensor>>, const P extends string>(
  start: R,
  options: { readonly at: Place<P>; readonly seed?: Seed },
): StatesOf<R, P> {
  const owner = recorder('states');
  return owner.call(states, () => {
    const { at, seed = 0 } = options;
    const key = seedKey(owner, seed);
    return Object.fromEntries(
      Object.entries(start).map(([name, one]) => {
        const value = isValue(one) ? one : startOf(owner, name, one as Spec, key);
        return [name, state(name, value, { at })];
      }),
    );
  }) as StatesOf<R, P>;
}

function startOf(owner: Recorder, name: string, one: Spec, key: PhiloxKey): Tensor {
  if (typeof one !== 'object' || one === null || !isSpec(one)) {
    owner.fail('BB330', { what: 'states', reason: `${name} is neither a parameter nor a value` });
  }
  return start(owner, name, one, key);
}

/**
 * The parameters out of a file: `stored(net.parameters, weights('./model.onnx'))`. `called` says what the file calls
 * a parameter, where that is not its name. Fails (BB318) where the file has none of this name, dtype and dims.
 */
export function stored<P extends Specs>(
  specs: P,
  file: Weights,
  called: (name: string) => string = (name) => name,
): ValuesOf<P> {
  const owner = recorder('stored');
  return owner.call(stored, () =>
    Object.fromEntries(
      Object.entries(specs).map(([name, { dtype, dims }]) => [name, file(called(name), dtype, dims)]),
    ),
  ) as never;
}

/** Those whose names match a pattern, in which `*` stands for any characters: `matching(net.parameters, 'head.*')`. */
export function matching<R extends Readonly<Record<string, unknown>>>(
  all: R,
  pattern: string,
): { readonly [Name in keyof R]?: R[Name] } & Readonly<Record<string, R[keyof R]>> {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const names = new RegExp(`^${parts.join('.*')}$`, 's');
  const found = Object.entries(all).filter(([name]) => names.test(name));
  if (found.length === 0) throw problem('matching', `no name matches ${pattern}`);
  return Object.fromEntries(found) as never;
}
