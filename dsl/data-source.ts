// Data that members have: a slot of the program, which the deployment fills with files, or the host with a component.

import {
  type Attribute,
  type DType,
  type Dim as IrDim,
  type LastBatch,
  ROLE_ATTRIBUTE,
  tensorType,
  type ValueType,
} from '../ir/index.ts';
import { addConstant, fromNested } from './constant.ts';
import { type Known, type StatedShape, statedDims } from './containers.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { type Place, placeOf } from './place.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import { recordCall, type SlotUse, takeSlot, textAttribute } from './role-call.ts';
import type { AnyShape, Checked, Dim, DTypeErrors, PlaceErrors, Tensor, Value } from './types.ts';
import { factOf, isValue } from './value.ts';

/** What each record has: dtype and shape of a batch by field name. The first dimension counts records. */
export type Fields = Readonly<Record<string, readonly [dtype: DType, shape: StatedShape]>>;

export interface BatchOptions {
  /**
   * What a batch is where an epoch ends within it. `wrap`: it goes on with the next epoch's first records, so every
   * batch is full. `drop`: what does not fill a batch is left out of the epoch. `keep`: the epoch's last batch is
   * smaller.
   */
  readonly last?: LastBatch;
}

/** How many records a batch has, as far as the type tells. */
export type Sized<N, O> = O extends { readonly last: 'keep' } ? number : N extends number ? N : number;
type WithRows<S extends AnyShape, Rows extends Dim> = S extends readonly [Dim, ...infer Rest extends AnyShape]
  ? [Rows, ...Rest]
  : AnyShape;
type Batch<F extends Fields, Rows extends Dim, P extends string> = {
  readonly [Name in keyof F]: Value<F[Name][0], WithRows<Known<F[Name][1]>, Rows>, P>;
};

/** Whole numbers: literals, or int64 scalars at the place of the data. */
type Count = number | bigint | Tensor;
type CountErrors<C, P extends string> = C extends Tensor
  ? DTypeErrors<'batch', 'int64', C> | PlaceErrors<'batch', P, C>
  : never;

export interface DataSource<F extends Fields, P extends string> {
  /**
   * Batch `index`, from 0, of `size` records: those at positions [index × size, (index + 1) × size) of an endless
   * order, in which epoch follows epoch, each with every record once. How an epoch is ordered is said where the
   * source is bound. The same index gives the same records, whenever it is asked for.
   * Missing, `failed`, if the source has no record or its files cannot be read.
   */
  batch<const I extends Count, const N extends Count, const O extends BatchOptions = object>(
    index: Checked<I, CountErrors<I, P>>,
    size: Checked<N, CountErrors<N, P>>,
    options?: O,
  ): Batch<F, Sized<N, O>, P>;
  /** How many records the member has. */
  size(): Value<'int64', [], P>;
}

export interface DataSourceOptions<F extends Fields, P extends string> {
  /** The peer, or each member of the cohort, that has the data. */
  readonly at: Place<P>;
  readonly fields: F;
  /** Whether no field may leave its class: as for inputs, the compiler refuses it, and `bbc lint` follows them. */
  readonly private?: boolean;
}

/**
 * Declares data that the peer, or each member of the cohort, at `at` has. What it is, files in topology.json or a
 * component of the host, is said where the program runs, under `name`; it must have these fields.
 * Fails (BB308) if the name is taken, or a field has no dimension that counts records.
 */
export function dataSource<const F extends Fields, const P extends string>(
  name: string,
  options: DataSourceOptions<F, P>,
): DataSource<F, P> {
  const owner = recorder('dataSource');
  return owner.call(dataSource, () => {
    if (!takeSlot(owner, name)) refuse(owner, `another data source is called "${name}"`);
    const fields = Object.entries(options.fields);
    if (fields.length === 0) refuse(owner, 'it has no fields');
    for (const [field, [, shape]] of fields) {
      if (typeof shape[0] === 'number' || shape.length === 0)
        refuse(owner, `the first dimension of ${field} counts records: give it a name, such as 'N'`);
    }
    return new Source(owner, name, options) as unknown as DataSource<F, P>;
  });
}

const refuse = (owner: Recorder, reason: string): never => owner.fail('BB308', { op: 'dataSource', reason });

class Source {
  readonly #owner: Recorder;
  readonly #slot: SlotUse;
  readonly #fields: Fields;
  readonly #private: boolean;

  constructor(owner: Recorder, name: string, options: DataSourceOptions<Fields, string>) {
    this.#owner = owner;
    this.#slot = { owner, role: 'data_source', name, place: placeOf(options.at) };
    this.#fields = options.fields;
    this.#private = options.private === true;
  }

  batch(index: Count, size: Count, { last = 'wrap' }: BatchOptions = {}): Readonly<Record<string, Tensor>> {
    return this.#owner.call(this.batch, () => {
      const inputs = [this.#count('index', index, 0), this.#count('size', size, 1)];
      const names = Object.keys(this.#fields);
      const fields: Attribute = {
        name: ROLE_ATTRIBUTE.fields,
        kind: 'strings',
        value: names.map((name) => new TextEncoder().encode(name)),
      };
      const rows = isValue(size) || last === 'keep' ? this.#rowsSymbol() : Number(size);
      const results = names.map((name) => ({ name, type: this.#type(name, rows) }));
      const marks = this.#private ? [textAttribute('private', 'yes')] : [];
      const attributes = [fields, textAttribute('last', last), ...marks];
      const values = recordCall(this.#slot, 'Batch', inputs, attributes, results);
      return Object.fromEntries(names.map((name, at) => [name, values[at]!]));
    });
  }

  size(): Tensor {
    return this.#owner.call(this.size, () => {
      const result = { name: 'size', type: tensorType('int64', []) };
      return recordCall(this.#slot, 'Size', [], [], [result])[0]!;
    });
  }

  #count(what: string, given: Count, least: number): Fact {
    const owner = this.#owner;
    const wrong = (): never =>
      owner.fail('BB308', { op: 'batch', reason: `${what} is no whole number from ${least}` });
    if (!isValue(given)) {
      if (!(typeof given === 'bigint' || Number.isSafeInteger(given)) || given < least) return wrong();
      return addConstant(owner, fromNested(owner, BigInt(given as number | bigint), 'int64'));
    }
    const fact = factOf(given, 'batch');
    const dims = dimsIn(fact.type);
    if ((dtypeIn(fact.type) ?? 'int64') !== 'int64' || (dims !== undefined && dims.length > 0))
      return owner.fail('BB308', { op: 'batch', reason: `${what} is no int64 scalar` });
    return fact;
  }

  /** Each call may give another number of records, so each has a name of its own for it. */
  #rowsSymbol(): IrDim {
    const [, shape] = Object.values(this.#fields)[0]!;
    const stated = typeof shape[0] === 'string' ? shape[0] : 'N';
    const key = `rows ${stated}`;
    const before = (this.#owner.once.get(key) as number | undefined) ?? 0;
    this.#owner.once.set(key, before + 1);
    return before === 0 ? stated : `${stated}_${before}`;
  }

  #type(name: string, rows: IrDim): ValueType {
    const [dtype, shape] = this.#fields[name]!;
    return tensorType(dtype, [rows, ...statedDims(shape)!.slice(1)]);
  }
}
