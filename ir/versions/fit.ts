// Whether an op of a newer version of its operator can be written in the one before: what is new there has to be
// absent or to say what the older version does anyhow.

import { type Attribute, findAttribute, NO_VALUE } from '../graph.ts';
import {
  admittedTypes,
  type OpSchema,
  type ParameterSchema,
  parameterAt,
  schemaTypeOf,
} from '../ops/schema.ts';
import { type Form, intAttribute, intsAttribute } from './form.ts';
import type { Workbench } from './workbench.ts';

/** The op in the older version; refuses by name what that cannot say. The same object if it is the same there. */
export function fitted(op: Form, younger: OpSchema, older: OpSchema, bench: Workbench): Form {
  checkValues(op, younger.since, bench);
  checkTypes(op, 'inputs', older, bench);
  checkTypes(op, 'outputs', older, bench);
  const arranged = younger.since === AXES_FROM_END_SINCE ? axesFromFront(op, bench) : op;
  const attributes = attributesOf(arranged, younger, older, bench);
  const inputs = trimmed(op, 'inputs', older, bench);
  const outputs = trimmed(op, 'outputs', older, bench);
  if (attributes === op.attributes && inputs === op.inputs && outputs === op.outputs) return op;
  return { ...op, attributes, inputs, outputs };
}

function attributesOf(op: Form, younger: OpSchema, older: OpSchema, bench: Workbench): readonly Attribute[] {
  const unknown = op.attributes.filter((one) => !older.attributes.some(({ name }) => name === one.name));
  for (const attribute of unknown) {
    if (!isIdle(attribute, younger))
      bench.refuse(`its attribute ${attribute.name} came with opset ${younger.since}`);
  }
  const added: Attribute[] = [];
  for (const { name, required, default: old, kind } of older.attributes) {
    if (findAttribute(op, name) !== undefined) continue;
    if (required) bench.refuse(`earlier versions want the attribute ${name}`);
    const young = younger.attributes.find((one) => one.name === name)?.default;
    if (young === undefined || JSON.stringify(young) === JSON.stringify(old)) continue;
    if (kind !== 'int' || typeof young !== 'number')
      bench.refuse(`the default of its attribute ${name} changed with opset ${younger.since}`);
    added.push(intAttribute(name, young as number));
  }
  if (unknown.length + added.length === 0) return op.attributes;
  return [...op.attributes.filter((one) => !unknown.includes(one)), ...added];
}

/** Whether an attribute only says what holds without it. */
export function isIdle(attribute: Attribute, schema: OpSchema): boolean {
  const fallback = schema.attributes.find((one) => one.name === attribute.name)?.default;
  switch (attribute.kind) {
    case 'int':
      return fallback === Number(attribute.value);
    case 'float':
      return fallback === attribute.value;
    case 'string':
      return fallback === new TextDecoder().decode(attribute.value);
    case 'ints':
      return attribute.name === 'dilations' && attribute.value.every((one) => one === 1n);
    default:
      return false;
  }
}

function trimmed(op: Form, side: 'inputs' | 'outputs', older: OpSchema, bench: Workbench): Form['inputs'] {
  const given = op[side];
  const parameters = older[side];
  if (parameters.at(-1)?.option === 'variadic') return given;
  if (given.slice(parameters.length).some((id) => id !== NO_VALUE))
    bench.refuse(`earlier versions have ${parameters.length} ${side}`);
  parameters.forEach((parameter: ParameterSchema, index) => {
    if (parameter.option === 'single' && (given[index] ?? NO_VALUE) === NO_VALUE)
      bench.refuse(`earlier versions want the ${side.slice(0, -1)} ${parameter.name}`);
  });
  return given.length <= parameters.length ? given : given.slice(0, parameters.length);
}

function checkTypes(op: Form, side: 'inputs' | 'outputs', older: OpSchema, bench: Workbench): void {
  for (const [index, id] of op[side].entries()) {
    const parameter = parameterAt(older[side], index);
    const type = schemaTypeOf(bench.typeOf(id));
    if (parameter === undefined || type === undefined || admittedTypes(older, parameter).has(type)) continue;
    bench.refuse(`earlier versions do not take ${type} as ${parameter.name}`);
  }
}

/** Attributes with values that came later than the attribute. */
const valuesSince: Readonly<
  Record<string, readonly (readonly [version: number, name: string, value: string])[]>
> = {
  Pad: [[19, 'mode', 'wrap']],
  Resize: [
    [11, 'mode', 'cubic'],
    [19, 'coordinate_transformation_mode', 'half_pixel_symmetric'],
  ],
  ScatterElements: [
    [18, 'reduction', 'max'],
    [18, 'reduction', 'min'],
  ],
  ScatterND: [
    [18, 'reduction', 'max'],
    [18, 'reduction', 'min'],
  ],
};

function checkValues(op: Form, since: number, bench: Workbench): void {
  for (const [version, name, value] of valuesSince[op.type] ?? []) {
    if (version === since && bench.string(op, name, '') === value)
      bench.refuse(`${name} = "${value}" came with opset ${version}`);
  }
}

/** Before it, axes count from the front only. */
const AXES_FROM_END_SINCE = 11;

function axesFromFront(op: Form, bench: Workbench): Form {
  // The last axis of the result could always be said so.
  if (op.type === 'OneHot') return op;
  const rank = (): number => {
    const of = op.type === 'Unsqueeze' ? op.outputs[0]! : op.inputs[0]!;
    return bench.rankOf(of) ?? bench.refuse('its axes count from the end, and the rank is not known');
  };
  const front = (axis: number): number => (axis < 0 ? axis + rank() : axis);
  const attributes = op.attributes.map((one) => {
    if (one.name === 'axis' && one.kind === 'int' && one.value < 0n)
      return intAttribute('axis', front(Number(one.value)));
    if (one.name === 'axes' && one.kind === 'ints' && one.value.some((axis) => axis < 0n))
      return intsAttribute(
        'axes',
        one.value.map((axis) => front(Number(axis))),
      );
    return one;
  });
  return attributes.every((one, index) => one === op.attributes[index]) ? op : { ...op, attributes };
}
