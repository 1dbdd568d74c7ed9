// Random keys: values from which draws are made, never by a generator's hidden state.

import { DiagnosticError, diagnostic, tensorType } from '../../ir/index.ts';
import { foldKey, hashName, keyOf, type PhiloxKey } from '../../ir/philox.ts';
import { addConstant } from '../constant.ts';
import { dtypeIn } from '../core-op.ts';
import { packElements } from '../elements.ts';
import { type Fact, type Recorder, recorder } from '../recorder.ts';
import type { Join, PlaceOf, Tensor, Value } from '../types.ts';
import { factOf, type Handle, isValue, toValue } from '../value.ts';
import { callFunction } from './function.ts';
import { foldedKey } from './philox.ts';

type Whole = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';

/**
 * A key of 64 bits. What is drawn from it is a function of the key alone: the same key draws the same numbers
 * everywhere and each time. So use a key once, and make new ones with `fold`.
 */
export interface Key<out P extends string = string> {
  /** As a value, uint32[2], to send or keep. */
  readonly value: Value<'uint32', [2], P>;
  /** The key that a number or a name makes of this one: `key(7).fold('noise').fold(step)`. */
  fold<const D extends number | bigint | string | Tensor<Whole>>(
    data: D,
  ): Key<D extends Tensor ? Join<P, PlaceOf<D>> : P>;
}

/** The key of a seed of 64 bits, or a key that was a value: uint32[2]. */
export function key(seed: number | bigint): Key<'any'>;
export function key<V extends Tensor<'uint32'>>(value: V): Key<PlaceOf<V>>;
export function key(from: number | bigint | Tensor): Key {
  if (isValue(from)) return new Words(undefined, from);
  return new Words(keyOf(whole('key', from)));
}

/** Its words where they are known while recording; else, and when asked for, the value. */
class Words implements Key {
  readonly words: PhiloxKey | undefined;
  readonly #make: ((owner: Recorder) => Fact) | undefined;
  #made: Tensor | undefined;

  constructor(words: PhiloxKey | undefined, made?: Tensor, make?: (owner: Recorder) => Fact) {
    this.words = words;
    this.#made = made;
    this.#make = make;
  }

  get value(): never {
    const owner = recorder('key');
    // A constant belongs to one recording; a key of a seed may be shared by several.
    if (this.words !== undefined) return toValue(constantKey(owner, this.words), owner) as never;
    // What was made in the body of a loop is not there outside.
    const known = this.#made as Handle | undefined;
    const isHere = known !== undefined && owner.sees(known.fact.id);
    if (!isHere && this.#make !== undefined) this.#made = toValue<Tensor>(this.#make(owner), owner);
    return this.#made as never;
  }

  fold(data: number | bigint | string | Tensor): never {
    if (!isValue(data)) {
      const bits = typeof data === 'string' ? hashName(data) : whole('fold', data);
      if (this.words !== undefined) return new Words(foldKey(this.words, bits), undefined) as never;
      // Recorded when somebody draws from it: of the layers into whose keys names are folded, few do.
      const bytes = packElements('int64', [BigInt.asIntN(64, bits)]);
      const make = (owner: Recorder): Fact =>
        folded(owner, this, addConstant(owner, { dtype: 'int64', dims: [], bytes }));
      return new Words(undefined, undefined, make) as never;
    }
    const owner = recorder('fold');
    const value = owner.call(this.fold, () =>
      toValue<Tensor>(folded(owner, this, asInt64(owner, data)), owner),
    );
    return new Words(undefined, value) as never;
  }
}

const folded = (owner: Recorder, before: Words, data: Fact): Fact =>
  callFunction(owner, foldedKey, [factOf(before.value, 'fold'), data], tensorType('uint32', [2]));

function asInt64(owner: Recorder, data: Tensor): Fact {
  const fact = factOf(data, 'fold');
  const dtype = dtypeIn(fact.type);
  if (dtype !== undefined && !/^u?int\d+$/.test(dtype)) {
    owner.fail('BB307', { op: 'fold', reason: `what is folded in is ${dtype}, not a whole number` });
  }
  return dtype === 'int64' ? fact : factOf((data as Tensor<never>).cast({ to: 'int64' }), 'fold');
}

function whole(what: string, value: number | bigint): bigint {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  if (!Number.isSafeInteger(value)) {
    throw new DiagnosticError(diagnostic('BB330', { what, reason: `${value} is no whole number` }));
  }
  return BigInt.asUintN(64, BigInt(value));
}

function constantKey(owner: Recorder, words: PhiloxKey): Fact {
  return addConstant(owner, { dtype: 'uint32', dims: [2], bytes: packElements('uint32', words) });
}

/** The words of a key that is known while recording. */
export const wordsOf = (from: Key): PhiloxKey | undefined => (from as Words).words;
