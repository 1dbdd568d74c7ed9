// An existing ONNX model as a function inside a module: its graph is copied into the recording at each call.

import { type Place, placeOf } from './place.ts';
import { recorder } from './recorder.ts';
import { openModel, parametersOf, splice } from './splice.ts';
import type { AnyShape, Literal, PlaceOf, Tensor, Value } from './types.ts';
import { toValue } from './value.ts';

export interface OnnxOptions<Output extends string> {
  /** Names of the outputs, so that types know them. Default: any name, looked up when recording. */
  readonly outputs?: readonly Output[];
  /** Scope of the model's ops. Default: the file's name without `.onnx`. */
  readonly name?: string;
}

/** Inner values and everything before them that has no place yet, at one place. */
export interface Stage {
  readonly on: Place;
  /** Names of inner values; absent: all that is left. */
  readonly until?: string | readonly string[];
  /** Why these values may leave this place although private inputs went into them; see `declassify`. */
  readonly declassify?: string;
}

export interface CallOptions<Inner extends string> {
  /**
   * Where the model's ops run, in order:
   * `[{ on: phone, until: 'conv_9' }, { on: edge, until: 'pool_2' }, { on: server }]`.
   */
  readonly stages?: readonly Stage[];
  /** Inner values to give besides the outputs. */
  readonly inner?: readonly Inner[];
  /** Values in the place of weights, by name: `parameters` after a step of training. Those not named stay as they are. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
}

type Arguments = Tensor | readonly (Tensor | Literal)[] | Readonly<Record<string, Tensor | Literal>>;
type Given<A> = A extends Tensor ? A : A extends object ? Extract<A[keyof A], Tensor> : never;
/** Where an imported model's results live, as far as its arguments tell. */
type Where<A> = [Extract<PlaceOf<Given<A>>, `${string}.each`>] extends [never]
  ? 'any'
  : Extract<PlaceOf<Given<A>>, `${string}.each`>;

/**
 * The model as a function of its inputs: one value, a list in the order of its inputs, or values by name.
 * Inputs that have a default may be left out. Gives values by output name; types do not know their dtype and
 * shape, which `as` states.
 */
export interface OnnxFunction<Output extends string> {
  <const A extends Arguments, const Inner extends string = never>(
    inputs: A,
    options?: CallOptions<Inner>,
  ): { readonly [Name in Output | Inner]: Value<never, AnyShape, Where<A>> };
  /**
   * What can be trained, by name: tensors of floating-point numbers of the main graph, initializers and those of Constant ops
   * (of these no scalars). Looked up while recording.
   */
  readonly parameters: Readonly<Record<string, Value<never, AnyShape, 'any'>>>;
}

/**
 * An existing model, by its path relative to the module's file. The program keeps the model's opset; of several
 * models with different ones the highest, to which the others are converted.
 * Fails (BB312) at a call that names what the model does not have, with BB1xx if the file cannot be read.
 *
 *     const rec = onnx('./rec.onnx', { outputs: ['softmax'] });
 *     const { softmax } = rec({ x });
 *     const trained = rec({ x }, { parameters: { 'fc.weight': weight } });
 */
export function onnx<const Output extends string = string>(
  path: string,
  options: OnnxOptions<Output> = {},
): OnnxFunction<Output> {
  const scope = options.name ?? path.replace(/^.*\//, '').replace(/\.onnx$/, '');
  const call = (
    inputs: Arguments,
    { stages = [], inner = [], parameters = {} }: CallOptions<string> = {},
  ): unknown => {
    const owner = recorder(scope);
    return owner.call(call, () => {
      const source = openModel(owner, path);
      const placed = stages.map(({ on, until, declassify }) => ({
        place: placeOf(on),
        until: until === undefined ? undefined : typeof until === 'string' ? [until] : until,
        declassify,
      }));
      const facts = owner.inScope(scope, () =>
        splice(owner, source, {
          inputs,
          parameters,
          stages: placed,
          also: [...(options.outputs ?? []), ...inner],
        }),
      );
      return Object.fromEntries([...facts].map(([name, fact]) => [name, toValue(fact, owner)]));
    });
  };
  const get = (): unknown => {
    const owner = recorder(scope);
    const facts = owner.inScope(scope, () => parametersOf(owner, openModel(owner, path)));
    return Object.fromEntries([...facts].map(([name, fact]) => [name, toValue(fact, owner)]));
  };
  return Object.defineProperty(call, 'parameters', { get, enumerable: true }) as OnnxFunction<Output>;
}
