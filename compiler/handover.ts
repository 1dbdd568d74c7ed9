// Which values may go from one peer to another.

import {
  attributeString,
  type Boundary,
  CORE,
  commonBoundary,
  DOMAIN,
  formatType,
  isOurDomain,
  type Model,
  mayPass,
  NO_VALUE,
  type Op,
  roleCallOf,
  type Topology,
  type ValueId,
} from '../ir/index.ts';
import type { Dataflow } from './dataflow.ts';

/** What may go between the classes named; by default between any of the topology's. */
export const boundaryOf = ({ classes }: Topology, among?: readonly string[]): Boundary =>
  commonBoundary(
    classes.flatMap(({ name, backend }) => (among === undefined || among.includes(name) ? [backend] : [])),
  );

/** Whether the value may leave its place: the backends at both ends take its type, and it is not private. */
export const mayCross = (model: Model, boundary: Boundary, id: ValueId): boolean =>
  mayPass(boundary, model.value(id).type) && !isPrivate(model, id);

/** What its author marked private: inputs, and the fields of data sources. */
export function privateSources(model: Model): readonly ValueId[] {
  const fields = [...model.opsOf()].flatMap((op) =>
    roleCallOf(op) !== undefined && attributeString(op, 'private') === 'yes' ? op.outputs : [],
  );
  return [...model.mainGraph.inputs.filter((id) => model.value(id).private === true), ...fields];
}

/** Whether a value is what a private input or field brought: it, or that handed on unchanged. */
export const isPrivate = (model: Model, id: ValueId): boolean => privateValues(model).has(id);

const known = new WeakMap<Model, ReadonlySet<ValueId>>();

function privateValues(model: Model): ReadonlySet<ValueId> {
  const cached = known.get(model);
  if (cached !== undefined) return cached;
  const found = new Set(privateSources(model));
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

/** Whether a cut at this value may change bits: a backend that widens float16 rounds there what it would not inside. */
export function isRoundedByCut(model: Model, { widensFloat16 }: Boundary, id: ValueId): boolean {
  const { type, def } = model.value(id);
  if (!widensFloat16) return false;
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
 * Whether a cut at this value comes between a product and constants that a backend would fold into its
 * weights (Conv and BatchNormalization, MatMul and bias …): the parts then compute more, and round differently.
 */
export function partsFoldedOps({ model, boundary, constant }: Dataflow, id: ValueId): boolean {
  const { def } = model.value(id);
  if (!boundary.foldsProducts || def.kind !== 'op') return false;
  const { domain, type } = model.op(def.op);
  if (domain !== '' || !multiplying.has(type)) return false;
  return model.uses(id).some((use) => {
    if (use.kind !== 'op') return false;
    const user = model.op(use.op);
    if (user.domain !== '' || !folded.has(user.type)) return false;
    return user.inputs.every((input) => input === id || input === NO_VALUE || constant[input] === 1);
  });
}
