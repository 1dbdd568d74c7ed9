// Which values may go from one peer to another.

import { type DType, formatType, type Model, type ValueId } from '../ir/index.ts';

/** dtypes that ONNX Runtime's JavaScript interface takes and gives. */
const handedOver: ReadonlySet<DType> = new Set<DType>([
  'float32',
  'float64',
  'float16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
]);

/**
 * Whether a backend can hand the value over: a dense tensor of a dtype known to cross. A value of unknown type
 * might be a sequence, so it may not. A private value may not by its author's word.
 */
export function mayCross(model: Model, id: ValueId): boolean {
  const { type, private: isPrivate } = model.value(id);
  return (
    isPrivate !== true && type?.kind === 'tensor' && type.dtype !== undefined && handedOver.has(type.dtype)
  );
}

/** `"x", a seq(float32[])`: for messages. */
export function describeValue(model: Model, id: ValueId): string {
  const { name, type, private: isPrivate } = model.value(id);
  const what = type === undefined ? 'of unknown type' : formatType(type);
  return `"${name}" (${isPrivate === true ? 'private' : what})`;
}

/** Whether the value is computed in other bits when a cut makes a backend keep it: float16 on ONNX Runtime's CPU. */
export function isRoundedByCut(model: Model, id: ValueId): boolean {
  const { type } = model.value(id);
  return type?.kind === 'tensor' && type.dtype === 'float16';
}
