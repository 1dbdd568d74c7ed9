// Which values may go from one peer to another.

import { type DType, formatType, type Model, NO_VALUE, type ValueId } from '../ir/index.ts';

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

/** Standard ops that only move elements and have kernels for every dtype. */
const moving = new Set(
  (
    'Cast CastLike Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Gather GatherElements GatherND ' +
    'Concat Split Expand Tile'
  ).split(' '),
);

/**
 * Whether a cut at this value may change bits: ONNX Runtime's CPU has few float16 kernels, computes on in float32
 * from op to op, and rounds only what leaves a session or is merely moved.
 */
export function isRoundedByCut(model: Model, id: ValueId): boolean {
  const { type, def } = model.value(id);
  if (type?.kind !== 'tensor' || type.dtype !== 'float16' || def.kind !== 'op') return false;
  const { domain, type: op } = model.op(def.op);
  return domain !== '' || !moving.has(op);
}

const multiplying = new Set(['Conv', 'ConvTranspose', 'MatMul', 'Gemm']);
const folded = new Set(['BatchNormalization', 'Mul', 'Add']);

/**
 * Whether a cut at this value comes between a product and constants that ONNX Runtime would fold into its
 * weights (Conv and BatchNormalization, MatMul and bias …): the parts then compute more, and round differently.
 */
export function partsFoldedOps(model: Model, constant: Uint8Array, id: ValueId): boolean {
  const { def } = model.value(id);
  if (def.kind !== 'op') return false;
  const { domain, type } = model.op(def.op);
  if (domain !== '' || !multiplying.has(type)) return false;
  return model.uses(id).some((use) => {
    if (use.kind !== 'op') return false;
    const user = model.op(use.op);
    if (user.domain !== '' || !folded.has(user.type)) return false;
    return user.inputs.every((input) => input === id || input === NO_VALUE || constant[input] === 1);
  });
}
