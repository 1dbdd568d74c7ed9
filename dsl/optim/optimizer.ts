// What an optimiser is: pure, it gives the next value of a parameter and of what it keeps for it.

import type { DType } from '../../ir/index.ts';
import { placeKey } from '../../ir/place.ts';
import { addConstant, constant, fromNested } from '../constant.ts';
import { dimsIn, dtypeIn } from '../core-op.ts';
import { type Recorder, recorder } from '../recorder.ts';
import type { AnyShape, ElementOf, PlaceOf, ShapeOf, Tensor, Value } from '../types.ts';
import { factOf, isValue, toValue } from '../value.ts';

/** How many updates there were before: 0 at the first. */
export type Counter = Tensor<'int64'>;
/** A learning rate that depends on the number of updates before. */
export type Schedule = (step: Counter) => Tensor<'float32'>;
/** A learning rate: a number, a value (a scalar of float32), or a schedule. */
export type Rate = number | Tensor<'float32'> | Schedule;

/** What an optimiser keeps for one parameter, by name, each in the parameter's shape. */
export type Slots<Name extends string = string, P extends Tensor = Tensor> = {
  readonly [Key in Name]: Value<ElementOf<P>, ShapeOf<P>, PlaceOf<P>>;
};

/** `Name`: the names of its slots. */
export interface Optimizer<Name extends string = string> {
  /** Its slots for a parameter before the first update. Fails (BB302) if the parameter's shape is not known. */
  slots<P extends Tensor>(param: P): Slots<Name, P>;
  /** The parameter and its slots after an update. `step`: how many there were before. */
  update<P extends Tensor>(of: UpdateOf<Name, P>): Updated<Name, P>;
}
export interface UpdateOf<Name extends string, P extends Tensor> {
  readonly param: P;
  readonly grad: Tensor<ElementOf<P>>;
  readonly slots: Slots<Name, P>;
  readonly step: Counter;
}
export interface Updated<Name extends string, P extends Tensor> {
  readonly param: Value<ElementOf<P>, ShapeOf<P>, PlaceOf<P>>;
  readonly slots: Slots<Name, P>;
}

/** Inside a formula all values have the parameter's element type, whichever that is. */
export type Real = Value<'float32', AnyShape, 'any'>;

/** What a formula is made from. */
export interface Update<Settings> {
  readonly param: Real;
  readonly grad: Real;
  readonly slots: Readonly<Record<string, Real>>;
  /** Scalars: the learning rate, and how many updates there were before. */
  readonly rate: Real;
  readonly step: Real;
  readonly settings: Settings;
  /** Whether this is the first update. */
  first(): Value<'bool', [], 'any'>;
  /** A scalar constant. */
  number(value: number): Real;
  /** A scalar that is the same for all parameters, made once. */
  shared(name: string, make: () => Real): Real;
}

/** A kind of optimiser: its settings, what it keeps, its formula. */
export interface Rule<Settings extends object, Name extends string = string> {
  /** Settings besides `lr`, with their defaults. */
  readonly settings: Settings;
  /** Zeros at first. */
  readonly slots: readonly Name[];
  readonly update: (of: Update<Settings>) => { readonly param: Real; readonly slots: readonly Real[] };
}

export type Options<Settings extends object> = { readonly lr: Rate } & {
  readonly [Key in keyof Settings]?: Settings[Key] extends number ? number : boolean;
};

/** The optimisers of a kind. */
export const optimizersOf =
  <Settings extends object, Name extends string>(rule: Rule<Settings, Name>) =>
  ({ lr, ...given }: Options<Settings>): Optimizer<Name> => {
    const settings: Settings = { ...rule.settings, ...given };
    const memory = new Memory();
    return {
      slots: (param) => Object.fromEntries(rule.slots.map((name) => [name, zerosLike(param)])) as never,
      update: <P extends Tensor>(of: UpdateOf<Name, P>) => {
        const like = of.param;
        const key = `${factOf(of.step, 'update').id} ${dtypeOf(like) ?? factOf(like, 'update').id}`;
        const shared = (name: string, make: () => Real): Real => memory.get(`${name} ${key}`, make);
        const { param, slots } = rule.update({
          param: of.param as unknown as Real,
          grad: of.grad as unknown as Real,
          slots: of.slots as unknown as Readonly<Record<string, Real>>,
          rate: shared('rate', () => as(rateAt(lr, of.step, like), like)),
          step: shared('step', () => as(of.step, like)),
          settings,
          first: () => memory.get(`first ${key}`, () => of.step.equal(0) as unknown as Real) as never,
          number: (value) => as(constant(value, dtypeOf(like) ?? 'float32'), like),
          shared,
        });
        return {
          param: param as unknown as P,
          slots: Object.fromEntries(rule.slots.map((name, at) => [name, slots[at]!])) as never,
        };
      },
    };
  };

function rateAt(lr: Rate, step: Counter, like: Tensor): Tensor {
  if (typeof lr === 'number') return constant(lr, dtypeOf(like) ?? 'float32');
  return isValue(lr) ? lr : (lr as Schedule)(step);
}

const dtypeOf = (value: Tensor): DType | undefined => dtypeIn(factOf(value, 'update').type);

/** In the element type of another value. */
function as(value: Tensor, like: Tensor): Real {
  const wanted = dtypeOf(like);
  if (wanted !== undefined && wanted === dtypeOf(value)) return value as unknown as Real;
  const any = value as unknown as Real;
  return (wanted === undefined ? any.castLike(like as Real) : any.cast({ to: wanted })) as Real;
}

/** Zeros in the type of a parameter. */
export function zerosLike(param: Tensor): Tensor {
  const owner = recorder('slots');
  const { type } = factOf(param, 'slots');
  const dims = dimsIn(type);
  const dtype = dtypeIn(type) ?? 'float32';
  const sizes = dims?.filter((dim): dim is number => typeof dim === 'number');
  if (sizes === undefined || sizes.length < dims!.length)
    return owner.fail('BB302', { op: 'slots', reason: 'the sizes of the parameter are not known' });
  const { bytes } = fromNested(owner, 0, dtype);
  const zeros = new Uint8Array(bytes.length * sizes.reduce((count, size) => count * size, 1));
  return toValue(addConstant(owner, { dtype, dims: sizes, bytes: zeros }), owner);
}

/** Values made before in the same recording that can be read here too. */
class Memory {
  #owner: Recorder | undefined;
  #made = new Map<string, Real>();

  get(name: string, make: () => Real): Real {
    const owner = recorder('update');
    if (owner !== this.#owner) this.#made = new Map();
    this.#owner = owner;
    const key = `${name} ${owner.place === undefined ? '' : placeKey(owner.place)}`;
    const known = this.#made.get(key);
    if (known !== undefined && owner.sees(factOf(known, 'update').id)) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}
