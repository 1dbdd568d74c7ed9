// Which values may go from one peer to another.

import {
  CORE,
  DOMAIN,
  type DType,
  formatType,
  isOurDomain,
  type Model,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../ir/index.ts';

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
 * Whether the value may leave its place: a dense tensor of a dtype that a backend can hand over, and not private.
 * A value of unknown type might be a sequence, so it may not.
 */
export function mayCross(model: Model, id: ValueId): boolean {
  const { type } = model.value(id);
  return (
    type?.kind === 'tensor' && type.dtype !== undefined && handedOver.has(type.dtype) && !isPrivate(model, id)
  );
}

/** Whether a value is what a private input brought: the input, or that handed on unchanged. */
export const isPrivate = (model: Model, id: ValueId): boolean => privateValues(model).has(id);

const known = new WeakMap<Model, ReadonlySet<ValueId>>();

function privateValues(model: Model): ReadonlySet<ValueId> {
  const cached = known.get(model);
  if (cached !== undefined) return cached;
  const found = new Set(model.mainGraph.inputs.filter((id) => model.value(id).private === true));
  if (found.size > 0) {
    for (const op of model.opsOf()) if (handedOn(op).some((id) => found.has(id))) found.add(op.outputs[0]!);
  }
  known.set(model, found);
  return found;
}

/** The inputs of an op that may come out of it as they are. */
function handedOn({ domain, type, inputs }: Op): readonly ValueId[] {
  if (domain === '' && type === 'Identity') return inputs;
  if (domain !== DOMAIN.core) return [];
  if (type === CORE.when) return inputs.slice(0, 1);
  return type === CORE.orElse ? inputs : [];
}

/** What stands against a crossing: `private`, or its type. */
export function describeKind(model: Model, id: ValueId): string {
  if (isPrivate(model, id)) return 'private';
  const { type } = model.value(id);
  return type === undefined ? 'of unknown type' : formatType(type);
}

/** `"x" (private)`: for messages. */
export const describeValue = (model: Model, id: ValueId): string =>
  `"${model.value(id).name}" (${describeKind(model, id)})`;

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

/**
 * Whether such a value can cross as float32 instead (split/widen.ts): ops of the main graph read it as a plain
 * value. What a subgraph captures, or a cohort shares, crosses as it is.
 */
export const mayWiden = (model: Model, id: ValueId): boolean =>
  model.uses(id).every((use) => {
    if (use.kind === 'output') return use.graph === model.main;
    const op = model.op(use.op);
    return op.graph === model.main && !isOurDomain(op.domain);
  });

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
