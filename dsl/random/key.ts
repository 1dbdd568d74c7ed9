// Random keys: values from which draws are made, never by a generator's hidden state.

import {
  CORE,
  DiagnosticError,
  DOMAIN,
  diagnostic,
  NO_VALUE,
  type Place,
  placeKey,
  tensorType,
  type ValueId,
} from '../../ir/index.ts';
import { foldKey, hashName, keyOf, type PhiloxKey } from '../../ir/philox.ts';
import { addConstant } from '../constant.ts';
import { coreOp, dtypeIn } from '../core-op.ts';
import { packElements } from '../elements.ts';
import { type Fact, placeHere, type Recorder, recorder } from '../recorder.ts';
import type { Join, PlaceOf, Tensor, Value } from '../types.ts';
import { factOf, type Handle, isValue, toValue } from '../value.ts';
import { callFunction } from './function.ts';
import { foldedKey } from './philox.ts';

type Whole = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';

/**
 * A key of 64 bits. What is drawn from it is a function of the key alone: the same key draws the same numbers
 * everywhere. So use a key once, and make new ones with `fold`.
 */
export interface Key<out P extends string = string> {
  /** As a value, uint32[2], to send or keep. */
  readonly value: Value<'uint32', [2], P>;
  /** The key that a number or a name makes of this one: `key(7).fold('noise').fold(step)`. */
  fold<const D extends number | bigint | string | Tensor<Whole>>(
    data: D,
  ): Key<D extends Tensor ? Join<P, PlaceOf<D>> : P>;
}

/**
 * The key of a seed of 64 bits: another one in each flow, and at each member of the place where this is called. Where it is
 * called at no place, it is one of each place that draws from it. Passed on to another place, it is the same there.
 * Or a key that was a value, uint32[2], as it is.
 */
export function key(seed: number | bigint): Key<'any'>;
export function key<V extends Tensor<'uint32'>>(value: V): Key<PlaceOf<V>>;
export function key(from: number | bigint | Tensor): Key {
  if (isValue(from)) return new Words({ made: from });
  return new Words({ words: keyOf(whole('key', from)), own: { place: placeHere() } });
}

/** The key of a seed of 64 bits, the same in every flow and at every member: what is drawn from it is constant. */
export const fixedKey = (seed: number | bigint): Key<'any'> =>
  new Words({ words: keyOf(whole('fixedKey', seed)) });

/** What there is of a key. */
interface Parts {
  /** Known while recording. */
  readonly words?: PhiloxKey;
  /** Flow and member are folded in, at this place; undefined: where it is drawn from. */
  readonly own?: { readonly place: Place | undefined } | undefined;
  readonly made?: Tensor;
  readonly make?: (owner: Recorder) => Fact;
}

/** Its words where they are known while recording; else, and when asked for, the value. */
class Words implements Key {
  readonly words: PhiloxKey | undefined;
  readonly #own: Parts['own'];
  readonly #make: Parts['make'];
  #made: Tensor | undefined;

  constructor({ words, own, made, make }: Parts) {
    this.words = words;
    this.#own = own;
    this.#made = made;
    this.#make = make;
  }

  get value(): never {
    const owner = recorder('key');
    // A key of a seed may be shared by several recordings, and by several places of one.
    if (this.words !== undefined) return toValue(seededKey(owner, this.words, this.#own), owner) as never;
    // What was made in the body of a loop is not there outside.
    const known = this.#made as Handle | undefined;
    const isHere = known !== undefined && owner.sees(known.fact.id);
    if (!isHere && this.#make !== undefined) this.#made = toValue<Tensor>(this.#make(owner), owner);
    return this.#made as never;
  }

  fold(data: number | bigint | string | Tensor): never {
    if (!isValue(data)) {
      const bits = typeof data === 'string' ? hashName(data) : whole('fold', data);
      if (this.words !== undefined)
        return new Words({ words: foldKey(this.words, bits), own: this.#own }) as never;
      // Recorded when somebody draws from it: of the layers into whose keys names are folded, few do.
      const bytes = packElements('int64', [BigInt.asIntN(64, bits)]);
      const make = (owner: Recorder): Fact =>
        folded(owner, this.value, addConstant(owner, { dtype: 'int64', dims: [], bytes }));
      return new Words({ make }) as never;
    }
    const owner = recorder('fold');
    const made = owner.call(this.fold, () =>
      toValue<Tensor>(folded(owner, this.value, asInt64(owner, data)), owner),
    );
    return new Words({ made }) as never;
  }
}

const folded = (owner: Recorder, before: Tensor, data: Fact): Fact =>
  foldedFact(owner, factOf(before, 'fold'), data);
const foldedFact = (owner: Recorder, before: Fact, data: Fact): Fact =>
  callFunction(owner, foldedKey, [before, data], tensorType('uint32', [2]));

/** A key of a seed as a value; of one that differs by flow and member, once for each place and entry. */
function seededKey(owner: Recorder, words: PhiloxKey, own: Parts['own']): Fact {
  if (own === undefined) return constantKey(owner, words);
  const place = own.place ?? owner.place;
  const where = `${place === undefined ? '' : placeKey(place)} ${owner.openEntry ?? ''}`;
  return once(owner, `key ${words.join()} ${where}`, () =>
    owner.inMain(place, () => {
      const flow = once(owner, `flow ${where}`, () => flowHere(owner));
      return foldedFact(owner, constantKey(owner, words), flow);
    }),
  );
}

function flowHere(owner: Recorder): Fact {
  const result = { name: 'flow', type: tensorType('int64', []), cohort: owner.meet('key', []) };
  return coreOp(owner, { type: CORE.flow, inputs: [] }, [result])[0]!;
}

function once(owner: Recorder, name: string, make: () => Fact): Fact {
  const known = owner.once.get(name);
  const fact = (known as Fact | undefined) ?? make();
  owner.once.set(name, fact);
  return fact;
}

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

/** Whether a value comes of a key that is another one in each flow. */
export function differsByFlow({ editor }: Recorder, value: ValueId): boolean {
  const [open, seen] = [[value], new Set<ValueId>()];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const { def } = editor.value(id);
    if (def.kind !== 'op' || seen.has(id)) continue;
    seen.add(id);
    const { domain, type, inputs } = editor.op(def.op);
    if (domain === DOMAIN.core && type === CORE.flow) return true;
    open.push(...inputs.filter((input) => input !== NO_VALUE));
  }
  return false;
}

/** The words of a key that is known while recording. */
export const wordsOf = (from: Key): PhiloxKey | undefined => (from as Words).words;
