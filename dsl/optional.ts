// An optional value that holds nothing.

import { type DType, tensorType, type ValueType } from '../ir/index.ts';
import { typeProtoOf } from '../ir/onnx/types.ts';
import { type ContainerType, type StatedShape, statedDims } from './containers.ts';
import { recorder } from './recorder.ts';
import type { AnyShape, Value } from './types.ts';
import { toValue } from './value.ts';

interface OptionalEmpty {
  <const D extends DType>(dtype: D, shape?: StatedShape): Value<`optional(${D})`, AnyShape, 'any'>;
  <const D extends DType>(
    sequence: ContainerType<`seq(${D})`>,
  ): Value<`optional(seq(${D}))`, AnyShape, 'any'>;
}

/**
 * A tensor or a sequence that is absent: `optionalEmpty(float32, [2])`, `optionalEmpty(sequenceOf(float32))`; as one branch
 * of an `ifElse` whose other branch gives `optional(x)`. Needs opset 15.
 */
export const optionalEmpty = ((of: DType | { readonly type: ValueType }, shape?: StatedShape): unknown => {
  const owner = recorder('optionalEmpty');
  return owner.call(optionalEmpty, () => {
    const elem = typeof of === 'string' ? tensorType(of, statedDims(shape)) : of.type;
    const type: ValueType = { kind: 'optional', elem };
    const fact = owner.addValue(owner.qualified(owner.site?.name ?? 'optionalEmpty'), type);
    const attributes = [{ name: 'type', kind: 'type' as const, value: typeProtoOf(elem) }];
    owner.authored.push(owner.addOp({ type: 'Optional', inputs: [], outputs: [fact.id], attributes }));
    return toValue(fact, owner);
  });
}) as OptionalEmpty;
