// Layers of layers. Names are joined by dots: the parameter `weight` of `conv1` in `encoder` is `encoder.conv1.weight`, its
// ops are in the scope `encoder.conv1`, and its dropout draws from the key folded with both names.

import { composed } from '../composed.ts';
import { recorder } from '../recorder.ts';
import type { AnyShape, Element } from '../types.ts';
import { type Layer, type Mode, problem, resolve } from './layer.ts';
import type { Apply, Rule, Unary } from './rule.ts';
import type { None, Spec, ValueOf } from './spec.ts';

// What an argument may be says nothing of dtypes and dims: from what is said here, TypeScript would infer those of a call
// such as `linear({ in: 2, out: 3 })` in that place.
interface Parts {
  readonly parameters: object;
  readonly buffers: object;
}
/** A layer, or a parameter of one's own. */
type Part = Parts | Pick<Spec, 'initialiser'>;
type Named = Readonly<Record<string, Part>>;

/** What a layer is once it has its parameters; of a parameter, its value. */
type Bound<L> = {
  readonly [Name in keyof L]: L[Name] extends Spec
    ? ValueOf<L[Name]>
    : L[Name] extends (given: never, mode?: Mode) => infer F
      ? F
      : never;
};

type Prefixed<Name extends string, P> = { readonly [Key in keyof P & string as `${Name}.${Key}`]: P[Key] };
type Joined<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer All) => void
  ? All
  : never;
/** One record of all parameters, or all buffers. */
type Collected<L extends Named, Which extends 'parameters' | 'buffers'> = Merged<
  Joined<
    {
      [Name in keyof L & string]: L[Name] extends Spec
        ? Which extends 'parameters'
          ? { readonly [Own in Name]: L[Name] }
          : None
        : L[Name] extends Parts
          ? Prefixed<Name, L[Name][Which]>
          : None;
    }[keyof L & string]
  >
>;
type Merged<T> = { readonly [Key in keyof T]: T[Key] extends Spec ? T[Key] : never };

/**
 * A layer made of others, and of parameters of its own: `body` is given them, ready to call, and gives the function.
 *
 *     const net = model({ conv: conv2d({ in: 1, out: 8, kernel: 3 }), fc: linear({ in: 5408, out: 10 }) },
 *       ({ conv, fc }) => (x: Value<'float32', ['N', 1, 28, 28]>) => fc(conv(x).relu().reshape([-1, 5408])));
 *     const logits = net(read(parameters))(x);
 */
export function model<const L extends Named, F>(
  layers: L,
  body: (layers: Bound<L>, mode: Mode) => F,
): Layer<Collected<L, 'parameters'>, Collected<L, 'buffers'>, F> {
  const names = Object.keys(layers);
  const call = (given: Readonly<Record<string, unknown>>, mode: Mode = {}): F =>
    body(bound(layers, names, given, mode) as Bound<L>, mode);
  return authored(Object.assign(call, collect(layers, names))) as never;
}

/** Whose code is the author's: each call in it has a line of its own. */
const authoredLayers = new WeakSet<object>();
function authored<T extends object>(layer: T): T {
  authoredLayers.add(layer);
  return layer;
}

function collect(layers: Named, names: readonly string[]): Parts {
  const all = { parameters: {} as Record<string, Spec>, buffers: {} as Record<string, Spec> };
  for (const name of names) {
    if (name === '' || name.includes('.')) throw problem('model', `'${name}' is no name of a layer`);
    const part = layers[name]!;
    if (isSpec(part)) {
      all.parameters[name] = part;
      continue;
    }
    for (const which of ['parameters', 'buffers'] as const) {
      for (const [key, spec] of Object.entries((part as Parts)[which]) as [string, Spec][])
        all[which][`${name}.${key}`] = spec;
    }
  }
  return all;
}

export const isSpec = (part: object): part is Spec => 'initialiser' in part;

type Bindable = (given: Readonly<Record<string, unknown>>, mode: Mode) => unknown;

function bound(
  layers: Named,
  names: readonly string[],
  given: Readonly<Record<string, unknown>>,
  mode: Mode,
): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => {
      const part = layers[name]!;
      if (isSpec(part)) return [name, resolve('model', { [name]: part }, given).get(name)];
      const own = Object.fromEntries(
        Object.entries(given)
          .filter(([key]) => key.startsWith(`${name}.`))
          .map(([key, value]) => [key.slice(name.length + 1), value]),
      );
      const within: Mode = {
        ...mode,
        ...(mode.key && { key: mode.key.fold(name) }),
        ...(mode.updated && { updated: (key, value) => mode.updated!(`${name}.${key}`, value) }),
      };
      const run = (part as unknown as Bindable)(own, within);
      return [name, scoped(name, run, authoredLayers.has(part))];
    }),
  );
}

/** A layer's function, in a scope of its name. */
function scoped(name: string, run: unknown, isAuthored: boolean): unknown {
  if (typeof run !== 'function') return run;
  const call = (...inputs: never[]): unknown =>
    isAuthored
      ? recorder(name).inScope(name, () => run(...inputs))
      : composed(name, call, (owner) => owner.inScope(name, () => run(...inputs)));
  return call;
}

/** A layer of one input. */
type Step = Parts & { readonly rule?: object };
type Entry = Step | readonly [name: string, layer: Step];
type StepOf<E> = E extends readonly [string, infer L] ? L : E;
type NameOf<E, Index extends number> = E extends readonly [infer Name extends string, unknown]
  ? Name
  : `${Index}`;
type RuleOf<E> = StepOf<E> extends { readonly rule?: infer R } ? Extract<R, Rule> : never;

type StepsOf<L extends readonly Entry[], Done = unknown, At extends readonly 0[] = []> = L extends readonly [
  infer First extends Entry,
  ...infer Rest extends readonly Entry[],
]
  ? StepsOf<Rest, Done & { readonly [Name in NameOf<First, At['length']>]: StepOf<First> }, [...At, 0]>
  : Done;
type AsNamed<T> = T extends Named ? T : never;

interface Chain<L extends readonly Entry[]> extends Rule {
  readonly name: 'sequential';
  readonly takes: TakenBy<L>;
  readonly gives: ThroughAll<L, this['shape']>;
  readonly holds: HeldBy<L, 'same'>;
}
type ThroughAll<L extends readonly Entry[], S> = L extends readonly [
  infer First extends Entry,
  ...infer Rest extends readonly Entry[],
]
  ? Apply<RuleOf<First>, S> extends infer Next
    ? Next extends AnyShape
      ? ThroughAll<Rest, Next>
      : Next extends string
        ? `${RuleOf<First>['name']}: ${Next}`
        : never
    : never
  : S;
type TakenBy<L extends readonly Entry[]> = L extends readonly [
  infer First extends Entry,
  ...infer Rest extends readonly Entry[],
]
  ? RuleOf<First>['holds'] extends 'same'
    ? RuleOf<First>['takes'] & TakenBy<Rest>
    : RuleOf<First>['takes']
  : Element;
type HeldBy<L extends readonly Entry[], Done extends Element | 'same'> = L extends readonly [
  infer First extends Entry,
  ...infer Rest extends readonly Entry[],
]
  ? HeldBy<Rest, RuleOf<First>['holds'] extends 'same' ? Done : RuleOf<First>['holds']>
  : Done;

/**
 * One layer after the other. Their names are their positions, or what is said: `['conv1', conv2d(…)]`. Say them
 * where states are kept, so that a layer may be put in between.
 *
 *     const net = sequential(['hidden', linear({ in: 784, out: 128 })], relu(), ['out', linear({ in: 128, out: 10 })]);
 */
export function sequential<const L extends readonly Entry[]>(
  ...entries: L
): Layer<
  Collected<AsNamed<StepsOf<L>>, 'parameters'>,
  Collected<AsNamed<StepsOf<L>>, 'buffers'>,
  Unary<Chain<L>>
> & { readonly rule?: Chain<L> } {
  const layers: Record<string, Part> = {};
  // A list, since a record would put names that are numbers first.
  const names = entries.map((entry, index) => {
    const [name, layer] = isPair(entry) ? entry : [`${index}`, entry];
    if (name in layers) throw problem('sequential', `two layers have the name '${name}'`);
    layers[name] = layer;
    return name;
  });
  const bind = (given: Readonly<Record<string, unknown>>, mode: Mode = {}): unknown => {
    const steps = bound(layers, names, given, mode);
    const call = (x: unknown): unknown =>
      composed('sequential', call, () =>
        names.reduce((value, name) => (steps[name] as (x: unknown) => unknown)(value), x),
      );
    return call;
  };
  return Object.assign(bind, collect(layers, names)) as never;
}

const isPair = (entry: Entry): entry is readonly [string, Step] => Array.isArray(entry);
