// A layer: a function of its parameters, by name, that gives a function of what enters. What it holds is stated, never
// stored in it: the same layer is used with constants, with states, or with the weights of a file.
//
//   const fc = linear({ in: 784, out: 10 });      // fc.parameters: { weight: [10, 784], bias: [10] }
//   const y = fc({ weight, bias })(x);

import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import { composed } from '../composed.ts';
import { dimsIn, dtypeIn } from '../core-op.ts';
import type { Key } from '../random/index.ts';
import { type Recorder, recorder } from '../recorder.ts';
import type { Tensor } from '../types.ts';
import { factOf, isValue } from '../value.ts';
import type { Rule, Unary } from './rule.ts';
import type { Given, Spec, Specs } from './spec.ts';

/** How a layer is used. */
export interface Mode {
  /** Normalises by the batch's own statistics, updates running ones, and drops. Default: false. */
  readonly training?: boolean;
  /** What dropout draws from; layers in layers fold their names into it. */
  readonly key?: Key;
  /** Told of each buffer's new value in training. Buffers that are states are assigned anyway. */
  readonly updated?: (name: string, value: Tensor) => void;
}

/** A function of parameters and buffers that gives a function `F` of what enters. */
export interface Layer<P extends Specs, B extends Specs, F> {
  (given: Given<P> & Given<B>, mode?: Mode): F;
  /** What is trained, by name. */
  readonly parameters: P;
  /** What is kept beside it, as running statistics are: not trained. */
  readonly buffers: B;
}

/** A layer of one input, whose rule `sequential` applies. */
export interface UnaryLayer<P extends Specs, B extends Specs, R extends Rule> extends Layer<P, B, Unary<R>> {
  readonly rule?: R;
}

/** Of whatever dtype, so that any operator takes it: what enters a layer was checked where the author gave it. */
export type Some = Tensor<never>;

/** What a layer's own code works with. */
export interface Context {
  readonly owner: Recorder;
  readonly name: string;
  readonly training: boolean;
  readonly key: Key | undefined;
  /** The value of a parameter or buffer. */
  value(name: string): Some;
  /** The value, or undefined if the layer has none of this name. */
  optional(name: string): Some | undefined;
  /** A buffer's value from now on. */
  update(name: string, value: Tensor): void;
}

interface Definition {
  readonly name: string;
  readonly parameters: Specs;
  readonly buffers?: Specs;
  /** Records the layer. */
  readonly apply: (context: Context, ...inputs: never[]) => unknown;
}

/** A layer whose code is ours: what it records stands at the line that calls it. Who makes it states its type. */
export function leaf(definition: Definition): never {
  const { name, parameters, buffers = {} } = definition;
  const bind = (given: Readonly<Record<string, unknown>>, mode: Mode = {}): unknown => {
    const values = resolve(name, { ...parameters, ...buffers }, given);
    const call = (...inputs: never[]): unknown =>
      composed(name, call, (owner) =>
        definition.apply(contextOf(owner, definition, values, given, mode), ...inputs),
      );
    return call;
  };
  return Object.assign(bind, { parameters, buffers }) as never;
}

/** A value for each spec: of a state, what it holds. */
export function resolve(
  layer: string,
  specs: Specs,
  given: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, Tensor> {
  const owner = recorder(layer);
  return owner.call(resolve, () => {
    const values = new Map<string, Tensor>();
    for (const [name, spec] of Object.entries(specs)) {
      const one = given[name];
      if (one === undefined) owner.fail('BB332', { layer, reason: `parameter ${name} is missing` });
      const value = isReadable(one) ? one.read() : one;
      if (!isValue(value)) {
        return owner.fail('BB332', { layer, reason: `parameter ${name} is neither a value nor a state` });
      }
      checkType(owner, layer, name, spec, value);
      values.set(name, value);
    }
    return values;
  });
}

const isReadable = (thing: unknown): thing is { read(): unknown } =>
  typeof thing === 'object' && thing !== null && 'read' in thing && typeof thing.read === 'function';

function checkType(owner: Recorder, layer: string, name: string, spec: Spec, value: Tensor): void {
  const { type } = factOf(value, layer);
  const [dtype, dims] = [dtypeIn(type), dimsIn(type)];
  const wrong =
    (dtype !== undefined && dtype !== spec.dtype) ||
    (dims !== undefined &&
      (dims.length !== spec.dims.length ||
        dims.some((dim, index) => typeof dim === 'number' && dim !== spec.dims[index])));
  if (wrong) {
    const has = `${dtype ?? '?'}[${dims?.join(', ') ?? '…'}]`;
    owner.fail('BB332', {
      layer,
      reason: `parameter ${name} is ${has}, not ${spec.dtype}[${spec.dims.join(', ')}]`,
    });
  }
}

function contextOf(
  owner: Recorder,
  { name }: Definition,
  values: ReadonlyMap<string, Tensor>,
  given: Readonly<Record<string, unknown>>,
  { training = false, key, updated }: Mode,
): Context {
  return {
    owner,
    name,
    training,
    key,
    value: (one) => values.get(one) as Some,
    optional: (one) => values.get(one) as Some | undefined,
    update(one, value) {
      const held = given[one];
      if (isReadable(held) && 'assign' in held) (held.assign as (next: Tensor) => void)(value);
      updated?.(one, value);
    },
  };
}

/** A size that an option gives. */
export function size(layer: string, what: string, value: number, least = 1): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw problem(layer, `${what} is ${value}, not a whole number from ${least}`);
  }
  return value;
}

/** What an option has wrong; layers are often made outside the recording. */
export const problem = (what: string, reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB330', { what, reason }));
