// Which version of an operator the author writes, and which one a program gets.
//
// Authors write the newest form. A program has the lowest opset from the default one on that knows what they used of
// it, the one it states, or that of an imported model; ops are put into their form for it when the recording ends,
// since an import may come after them:
//
//   y = ReduceSum(x, axes)            opset 13 and later
//   y = ReduceSum[axes = [1]](x)      opset 11

import {
  type Attribute,
  DEFAULT_OPSET,
  findAttribute,
  NO_VALUE,
  type Op,
  type ValueId,
  type Weight,
} from '../ir/index.ts';
import { readWeight } from '../ir/onnx/weights.ts';
import {
  type AttributeSchema,
  admittedTypes,
  type OpSchema,
  type ParameterSchema,
  parameterAt,
  schemaOf,
  schemasOf,
} from '../ir/ops/schema.ts';
import type { Recorder } from './recorder.ts';

/** The version of an operator that its author function has: the newest. */
export const authoredForm = (type: string): OpSchema => schemasOf('', type).at(-1)!;

/**
 * The lowest version from the default opset on that has what an op uses: attributes, number of inputs, their types
 * (as schemas know them; undefined: not known).
 */
export function lowestForm(
  newest: OpSchema,
  inputs: readonly (string | undefined)[],
  attributes: readonly Attribute[],
): OpSchema {
  const has = (form: OpSchema): boolean =>
    (form.until ?? DEFAULT_OPSET) >= DEFAULT_OPSET &&
    inputs.length <= form.maxInputs &&
    attributes.every(
      (attribute) =>
        form.attributes.some((one) => one.name === attribute.name) || isDefault(newest, attribute),
    ) &&
    inputs.every((type, index) => {
      const parameter = parameterAt(form.inputs, index);
      return type === undefined || (parameter !== undefined && admittedTypes(form, parameter).has(type));
    });
  return schemasOf('', newest.type).find(has) ?? newest;
}

/** Below these opsets an operator of the same signature computes something else. */
const meaningSince: Readonly<Record<string, number>> = {
  BatchNormalization: 9,
  LogSoftmax: 13,
  Hardmax: 13,
  Resize: 11,
  Softmax: 13,
};
/** Older versions have broadcasting and axes of their own. */
const OLDEST_OPSET = 7;

/** Inputs that were attributes of another name. */
const formerNames: Readonly<Record<string, string>> = { constant_value: 'value' };

/** Puts the ops that the author called into their form of `opset`. Fails (BB310) at the first that has none. */
export function settle(owner: Recorder, opset: number): void {
  for (const id of owner.authored) {
    const op = owner.editor.op(id);
    const from = authoredForm(op.type);
    const to = schemaOf('', op.type, opset);
    if (to?.since === from.since) continue;
    const form = to && opset >= OLDEST_OPSET ? convert(owner, op, from, to, opset) : undefined;
    if (form === undefined) refuse(owner, op, from.since, opset);
    owner.editor.setOp(id, form);
  }
}

function refuse(owner: Recorder, op: Op, need: number, have: number): never {
  const file = owner.imported?.file ?? '';
  return owner.fail(
    'BB310',
    { op: op.type, have, need, file },
    { ...(op.at !== undefined && { at: op.at }) },
  );
}

type Form = Pick<Op, 'inputs' | 'attributes'>;

/** The same op in another version of its operator; undefined if it has no such form. */
function convert(owner: Recorder, op: Op, from: OpSchema, to: OpSchema, opset: number): Form | undefined {
  const attributes: Attribute[] = [];
  if (opset < (meaningSince[op.type] ?? 0)) {
    const axis = lastAxis(owner, op);
    if (axis === undefined) return undefined;
    attributes.push({ name: 'axis', kind: 'int', value: BigInt(axis) });
  }
  const inputs = convertInputs(owner, op, from, to, attributes);
  if (inputs === undefined || op.outputs.length > to.outputs.length) {
    if (inputs === undefined || to.outputs.at(-1)?.option !== 'variadic') return undefined;
  }
  for (const attribute of op.attributes) {
    if (attributes.some((one) => one.name === attribute.name)) continue;
    const known = to.attributes.find((one) => one.name === attribute.name);
    if (known?.kind === attribute.kind) attributes.push(attribute);
    else if (!isDefault(from, attribute) && !isImplied(op, attribute)) return undefined;
  }
  return addDefaults(op, from, to, attributes) ? { inputs, attributes } : undefined;
}

/** Inputs by name; those that `to` has as attributes become attributes, if they are constants. */
function convertInputs(
  owner: Recorder,
  op: Op,
  from: OpSchema,
  to: OpSchema,
  attributes: Attribute[],
): ValueId[] | undefined {
  if (from.inputs.at(-1)?.option === 'variadic') {
    return to.inputs.at(-1)?.option === 'variadic' ? [...op.inputs] : undefined;
  }
  const inputs: ValueId[] = [];
  for (const [index, id] of op.inputs.entries()) {
    const input: ParameterSchema = from.inputs[index]!;
    if (id === NO_VALUE) continue;
    const at = index < to.inputs.length && sameParameter(input, to.inputs[index]!) ? index : -1;
    if (at >= 0) {
      while (inputs.length < at) inputs.push(NO_VALUE);
      inputs[at] = id;
      continue;
    }
    const schema = to.attributes.find((one) => one.name === (formerNames[input.name] ?? input.name));
    const { weight } = owner.editor.value(id);
    const attribute = schema && weight && constantAttribute(schema, weight);
    if (attribute === undefined) return undefined;
    attributes.push(attribute);
  }
  return to.inputs.every((input, index) => input.option !== 'single' || inputs[index]) ? inputs : undefined;
}

/** Names of inputs changed now and then; position and kind are what an op has. */
const sameParameter = (a: ParameterSchema, b: ParameterSchema): boolean =>
  a.name === b.name || (a.option === 'single' && b.option === 'single');

function constantAttribute({ name, kind }: AttributeSchema, weight: Weight): Attribute | undefined {
  const { dtype, dims, bytes } = readWeight(weight);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const integer = (index: number): bigint =>
    dtype === 'int64' ? view.getBigInt64(index * 8, true) : BigInt(view.getInt32(index * 4, true));
  const integers = dtype === 'int64' || dtype === 'int32';
  if (kind === 'ints' && integers)
    return { name, kind, value: Array.from({ length: count }, (_, at) => integer(at)) };
  if (kind === 'int' && integers && count === 1) return { name, kind, value: integer(0) };
  if (kind === 'float' && dtype === 'float32' && count === 1)
    return { name, kind, value: view.getFloat32(0, true) };
  return undefined;
}

/** The axis of a softmax that means the same in all versions: the last one, counted from the front. */
function lastAxis(owner: Recorder, op: Op): number | undefined {
  if (op.type !== 'Softmax' && op.type !== 'LogSoftmax' && op.type !== 'Hardmax') return undefined;
  const { type } = owner.editor.value(op.inputs[0]!);
  const rank = type?.kind === 'tensor' ? type.dims?.length : undefined;
  const attribute = findAttribute(op, 'axis');
  const axis = attribute?.kind === 'int' ? Number(attribute.value) : -1;
  if (rank === undefined) return undefined;
  return (axis + rank) % rank === rank - 1 ? rank - 1 : undefined;
}

function isDefault(schema: OpSchema, attribute: Attribute): boolean {
  const fallback = schema.attributes.find((one) => one.name === attribute.name)?.default;
  if (attribute.kind === 'int') return fallback === Number(attribute.value);
  if (attribute.kind === 'float') return fallback === attribute.value;
  if (attribute.kind === 'string') return fallback === new TextDecoder().decode(attribute.value);
  return false;
}

/** Older splits have as many parts as outputs. */
const isImplied = (op: Op, attribute: Attribute): boolean =>
  op.type === 'Split' && attribute.name === 'num_outputs';

/** Writes out defaults that differ between the versions. False if an attribute must be given and is not. */
function addDefaults(op: Op, from: OpSchema, to: OpSchema, attributes: Attribute[]): boolean {
  for (const schema of to.attributes) {
    if (attributes.some((one) => one.name === schema.name)) continue;
    if (schema.required) return false;
    const before = from.attributes.find((one) => one.name === schema.name);
    if (before === undefined || before.default === schema.default) continue;
    if (JSON.stringify(before.default) === JSON.stringify(schema.default)) continue;
    if (schema.kind !== 'int' || typeof before.default !== 'number' || findAttribute(op, schema.name))
      return false;
    attributes.push({ name: schema.name, kind: 'int', value: BigInt(before.default) });
  }
  return true;
}
