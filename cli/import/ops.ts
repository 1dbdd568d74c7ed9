// One op as a call of the DSL: a method of its first operand, or a free function.

import { camelCase, functionName } from '../../dsl/names.ts';
import {
  type Attribute,
  dtypeOfElemType,
  NO_VALUE,
  type Op,
  type ValueId,
  type ValueType,
} from '../../ir/index.ts';
import { type AttributeSchema, type OpSchema, parameterAt, schemasOf } from '../../ir/ops/schema.ts';
import { array, type Code, call, declare, method, object, quoted } from './code.ts';
import { floatText, integerText, literalDType, nested, written } from './literals.ts';
import { opName, refuse } from './refusal.ts';
import { typeCodes } from './types.ts';
import type { Block, Values } from './values.ts';

/** Columns that `const name = ` takes, about. */
const DECLARATION = 24;

/** The newest form of an op's operator, which the DSL has. */
export function formOf(op: Op): OpSchema {
  const schema = op.domain === '' ? schemasOf('', op.type).at(-1) : undefined;
  return schema === undefined || schema.deprecated
    ? refuse('BB386', { op: opName(op), count: 1 }, op.at)
    : schema;
}

/** Writes an op that holds no graph. */
export function writeOp(values: Values, block: Block, op: Op): void {
  const schema = formOf(op);
  if (op.type === 'Optional' && op.inputs.length === 0) return writeAbsent(values, block, op);
  const { type } = op;
  const present = op.inputs.filter((id) => id !== NO_VALUE);
  const literals = literalCodes(values, schema, op);
  const unique = [...new Set(present)].filter((id) => values.weightOf(id) === undefined);
  const code = values.expression(block, unique, DECLARATION, (codes) => {
    const codeOf = new Map(unique.map((id, index) => [id, codes[index]!]));
    const operand = (index: number): Code | undefined => {
      const id = op.inputs[index] ?? NO_VALUE;
      if (id === NO_VALUE) return undefined;
      const code = literals[index] ?? codeOf.get(id) ?? values.code(id);
      // How many outputs there are has to be known where sizes are computed.
      const counts = type === 'Split' && index === 1 && values.value(id).def.kind !== 'input';
      return counts && codeOf.has(id)
        ? method(code, 'as', [values.use('int64'), array([`${op.outputs.length}`])])
        : code;
    };
    return callOf(values, schema, op, operand);
  });
  presentResults(values, block, op, schema, code, functionName(type));
}

/** An optional that holds nothing, of which its attribute tells the type. */
function writeAbsent(values: Values, block: Block, op: Op): void {
  const [id] = op.outputs as [ValueId];
  const { type } = values.value(id);
  const of = type?.kind === 'optional' ? typeCodes(values, type.elem) : undefined;
  if (of === undefined) return refuse('BB387', { op: op.type, what: 'attribute type' }, op.at);
  values.result(block, id, call(values.use('optionalEmpty'), of), 'optional');
}

function callOf(
  values: Values,
  schema: OpSchema,
  op: Op,
  operand: (index: number) => Code | undefined,
): Code {
  const positional: Code[] = [];
  const entries: [string, Code][] = [];
  schema.inputs.forEach((input, index) => {
    if (input.option === 'variadic') {
      const rest = op.inputs.slice(index).map((_, at) => operand(index + at));
      if (rest.includes(undefined)) refuse('BB387', { op: op.type, what: `a gap in ${input.name}` }, op.at);
      positional.push(array(rest as Code[]));
      return;
    }
    const code = operand(index);
    if (index === 0 || input.option !== 'optional') {
      if (code === undefined && input.option !== 'optional')
        refuse('BB387', { op: op.type, what: `leaving out ${input.name}` }, op.at);
      positional.push(code ?? 'undefined');
    } else if (code !== undefined) entries.push([camelCase(input.name), code]);
  });
  entries.push(...attributeEntries(values, schema, op));
  const options = entries.length > 0 ? [object(entries)] : [];
  const name = functionName(op.type);
  const [first, ...rest] = positional;
  const isMethod = schema.inputs[0] !== undefined && schema.inputs[0].option !== 'variadic';
  if (isMethod && first !== 'undefined') return method(first!, name, [...rest, ...options]);
  const given = first === 'undefined' && rest.length + options.length === 0 ? [] : positional;
  return call(values.use(name), [...given, ...options]);
}

/** Operands that are plain numbers in the source, by position. */
function literalCodes(values: Values, schema: OpSchema, op: Op): (Code | undefined)[] {
  const types = op.inputs.map((id): ValueType | undefined => {
    if (id === NO_VALUE) return undefined;
    const weight = values.weightOf(id);
    return weight ? { kind: 'tensor', dtype: weight.dtype, dims: weight.dims } : values.value(id).type;
  });
  const small = op.inputs.map((id, index) => {
    const parameter = parameterAt(schema.inputs, index);
    if (id === NO_VALUE || parameter?.option === 'variadic' || !admitsLiteral(schema, index))
      return undefined;
    const weight = values.weightOf(id);
    return weight && weight.dims.length <= 1 ? written(weight) : undefined;
  });
  const isLiteral = small.map((one) => one !== undefined);
  return small.map((one, index) => {
    if (one === undefined) return undefined;
    if (literalDType(schema, index, types, isLiteral, one) === one.dtype) return nested(one);
    // Not a literal after all: those after it are no longer bound by it, but by its type.
    isLiteral[index] = false;
    return undefined;
  });
}

/** Whether the type of the DSL's function takes plain numbers here: not where they would decide what it gives. */
function admitsLiteral(schema: OpSchema, index: number): boolean {
  const { type, option, homogeneous } = schema.inputs[index]!;
  if (index === 0) return false;
  const first = schema.inputs.findIndex(
    (input, at) => input.type === type && (at === 0 || input.option !== 'optional'),
  );
  const decides = first === index && homogeneous && schema.typeSets.has(type);
  return option === 'optional' || !decides || !schema.outputs.some((output) => output.type === type);
}

const dtypeNames = new Set(['to', 'dtype', 'output_dtype', 'output_datatype']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

function attributeEntries(values: Values, schema: OpSchema, op: Op): [string, Code][] {
  for (const attribute of op.attributes) {
    if (attribute.kind !== 'undefined' && !schema.attributes.some((one) => one.name === attribute.name))
      refuse('BB387', { op: op.type, what: `attribute ${attribute.name}` }, op.at);
  }
  return schema.attributes.flatMap((one): [string, Code][] => {
    const attribute = op.attributes.find((given) => given.name === one.name);
    if (attribute === undefined || attribute.kind === 'undefined') return [];
    if (values.attributeCode({ op, attribute }) === undefined && isDefault(one, attribute)) return [];
    return [[camelCase(one.name), attributeCode(values, op, attribute)]];
  });
}

function isDefault(schema: AttributeSchema, attribute: Attribute): boolean {
  if (schema.required || schema.default === undefined) return false;
  if (attribute.kind === 'int') return Number(attribute.value) === schema.default;
  if (attribute.kind === 'float') return attribute.value === Math.fround(Number(schema.default));
  return attribute.kind === 'string' && text(attribute.value) === schema.default;
}

const text = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** Flags that the DSL's types take as yes or no. */
const flags = new Set(
  `allowzero ceil_mode count_include_pad exclusive is_causal keepdims reverse training_mode transA transB upper
   largest sorted onesided inverse`.split(/\s+/),
);

export function attributeCode(values: Values, op: Op, attribute: Attribute): Code {
  const { name } = attribute;
  const no = (): never => refuse('BB387', { op: op.type, what: `attribute ${name}` }, op.at);
  const given = values.attributeCode({ op, attribute });
  if (given !== undefined) return given;
  if (attribute.kind !== formOf(op).attributes.find((one) => one.name === name)?.kind) return no();
  const string = (bytes: Uint8Array): string => quoted(text(bytes) ?? no());
  const integer = (value: bigint): string => {
    const written = integerText(value);
    return written.endsWith('n') ? no() : written;
  };
  switch (attribute.kind) {
    case 'int': {
      const dtype = dtypeNames.has(name) ? dtypeOfElemType(Number(attribute.value)) : undefined;
      if (dtypeNames.has(name)) return dtype === undefined ? no() : values.use(dtype);
      if (flags.has(name) && attribute.value <= 1n) return String(attribute.value === 1n);
      return integer(attribute.value);
    }
    case 'float':
      return floatText(attribute.value);
    case 'string':
      return string(attribute.value);
    case 'ints':
      return array(attribute.value.map(integer));
    case 'floats':
      return array(attribute.value.map(floatText));
    case 'strings':
      return array(attribute.value.map(string));
    case 'tensor': {
      const small = written(attribute.value, Number.POSITIVE_INFINITY);
      if (small === undefined) return no();
      return object([
        ['data', nested(small)],
        ['dtype', values.use(small.dtype)],
      ]);
    }
    default:
      return no();
  }
}

/** Names what an op gives, in the form in which its function gives it. */
function presentResults(
  values: Values,
  block: Block,
  op: Op,
  schema: OpSchema,
  code: Code,
  kind: string,
): void {
  const isUsed = (id: ValueId): boolean => id !== NO_VALUE && values.model.uses(id).length > 0;
  if (schema.outputs.at(-1)?.option === 'variadic') {
    const names = op.outputs.map((id) => (isUsed(id) ? values.name(id, kind) : ''));
    block.statements.push(declare(`[${names.join(', ')}]`, code));
    return;
  }
  const required = schema.outputs.filter((output) => output.option === 'single').length;
  const [first = NO_VALUE, ...others] = op.outputs;
  if (required !== 1) {
    const fields = op.outputs.flatMap((id, index) => {
      if (!isUsed(id)) return [];
      const field = camelCase(schema.outputs[index]!.name);
      const name = values.name(id, field);
      return [name === field ? name : `${field}: ${name}`];
    });
    block.statements.push(declare(`{ ${fields.join(', ')} }`, code));
    return;
  }
  if (!others.some(isUsed)) {
    values.result(block, first, code, kind);
    return;
  }
  const name = values.name(first, kind);
  block.statements.push(declare(name, code));
  others.forEach((id, index) => {
    if (isUsed(id)) values.bind(id, `${name}.${camelCase(schema.outputs[index + 1]!.name)}`);
  });
}
