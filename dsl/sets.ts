// Peer sets: ids of peers as values, string[k], ordered and without duplicates. They come from views, from the senders of a
// collect, from selectors, and from each other.

import { type Attribute, CORE, tensorType, type ValueType } from '../ir/index.ts';
import { coreOp, dtypeIn } from './core-op.ts';
import { recorder } from './recorder.ts';
import type { Checked, JoinOf, PairErrors, PlaceOf, Tensor, Value } from './types.ts';
import { defineMethod, factOf, type Handle, toValue } from './value.ts';

/** Picks peers among candidates: a component, or a function of the graph. */
export interface Picker {
  pick(candidates: Value<'string', [number], 'any'>): Tensor<'string'>;
}

type Peers<P extends string> = Value<'string', [number], P>;

export interface SetMethods {
  /** Those of this set, then those of the other that are not in it. */
  union<A extends Tensor<'string'>, B extends Tensor>(
    this: A,
    other: Checked<B, PairErrors<'union', A, B>>,
  ): Peers<JoinOf<PlaceOf<A>, B>>;
  /** Those of this set that are in the other one. */
  intersect<A extends Tensor<'string'>, B extends Tensor>(
    this: A,
    other: Checked<B, PairErrors<'intersect', A, B>>,
  ): Peers<JoinOf<PlaceOf<A>, B>>;
  /** Those of this set that are not in the other one. */
  without<A extends Tensor<'string'>, B extends Tensor>(
    this: A,
    other: Checked<B, PairErrors<'without', A, B>>,
  ): Peers<JoinOf<PlaceOf<A>, B>>;
  /** Where each of this set stands in the other one, from 0; -1 for who is not in it. */
  positionsIn<A extends Tensor<'string'>, B extends Tensor>(
    this: A,
    other: Checked<B, PairErrors<'positionsIn', A, B>>,
  ): Value<'int64', [number], JoinOf<PlaceOf<A>, B>>;
  /** The first of this set, alone; nobody of an empty one. */
  first<A extends Tensor<'string'>>(this: A): Peers<PlaceOf<A>>;
}

const ids = tensorType('string', [null]);

for (const [name, type, result] of [
  ['union', CORE.union, ids],
  ['intersect', CORE.intersect, ids],
  ['without', CORE.without, ids],
  ['positionsIn', CORE.positions, tensorType('int64', [null])],
  ['first', CORE.first, ids],
] as const) {
  const method = function (this: Handle, ...others: readonly unknown[]): Tensor {
    const owner = recorder(name);
    return owner.call(method, () => {
      const inputs = [this, ...others.slice(0, name === 'first' ? 0 : 1)].map((one) => factOf(one, name));
      for (const fact of inputs)
        if ((dtypeIn(fact.type) ?? 'string') !== 'string')
          owner.fail('BB307', { op: name, reason: 'a set is of peer ids, strings' });
      const cohort = owner.meet(name, inputs);
      return toValue(coreOp(owner, { type, inputs }, [{ name, type: result, cohort }])[0]!, owner);
    });
  };
  defineMethod(name, method);
}

function fromNode(name: string, type: string, attributes: readonly Attribute[], result: ValueType): Tensor {
  const owner = recorder(name);
  return owner.call(fromNode, () => {
    const cohort = owner.meet(name, []);
    const made = { name, type: result, cohort };
    return toValue(coreOp(owner, { type, inputs: [], attributes }, [made])[0]!, owner);
  });
}

/** Ids of the members of a class, as the peer that asks sees it. */
export const view = (className: string): Value<'string', [number], 'any'> =>
  fromNode(
    'view',
    CORE.view,
    [{ name: 'class', kind: 'string', value: new TextEncoder().encode(className) }],
    ids,
  ) as never;

/** The id of the peer that asks, as a set. */
export const self = (): Value<'string', [1], 'any'> =>
  fromNode('self', CORE.self, [], tensorType('string', [1])) as never;
