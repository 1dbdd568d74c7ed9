// What every generated operator function does when called: check the operands against the operator's schema,
// turn literals into constants and options into attributes, record the op, give its results.

import {
  type Attribute,
  type DType,
  dtypeOfElemType,
  elemTypeOf,
  formatType,
  isDType,
  NEWEST_RUNNABLE_OPSET,
  NO_VALUE,
  type OpId,
  type Shape,
  tensorType,
  type ValueId,
  type ValueType,
  type Weight,
} from '../ir/index.ts';
import { readWeight, weightOf } from '../ir/onnx/weights.ts';
import {
  type AttributeSchema,
  admittedTypes,
  type OpSchema,
  type ParameterSchema,
  parseSchemaType,
  schemaTypeOf,
} from '../ir/ops/schema.ts';
import { addConstant, fromNested, type Nested } from './constant.ts';
import { camelCase } from './names.ts';
import { authoredForm, lowestForm } from './opset.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import { ShapeMistake, type ShapeRuleName, shapeRules } from './shapes.ts';
import type { Tensor } from './types.ts';
import { defineMethod, factOf, type Handle, isValue, toValue } from './value.ts';

type Options = Readonly<Record<string, unknown>>;

/**
 * The free function of an operator; unless its first operand is no single value, also a method of every value.
 * The generated caller states its type.
 */
export function operator(type: string, name: string, rule: ShapeRuleName): never {
  const free = (...args: unknown[]): unknown => run(type, name, rule, args, free);
  const first = authoredForm(type).inputs[0];
  if (first !== undefined && first.option !== 'variadic') {
    const method = function (this: Handle, ...args: unknown[]): unknown {
      return run(type, name, rule, [this, ...args], method);
    };
    defineMethod(name, method);
  }
  return free as never;
}

function run(
  type: string,
  name: string,
  rule: ShapeRuleName,
  args: readonly unknown[],
  caller: () => unknown,
): unknown {
  const owner = recorder(name);
  return owner.call(caller, () => {
    const schema = authoredForm(type);
    const { operands, options } = sortArguments(owner, schema, name, args);
    return record(owner, schema, name, rule, operands, options);
  });
}

/** Operands by input position; a variadic input takes a list, optional ones come by name in the options. */
function sortArguments(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  args: readonly unknown[],
): { operands: unknown[]; options: Options } {
  const positional = positionalInputs(schema);
  const options = (args[positional.length] ?? {}) as Options;
  if (args.length > positional.length + 1 || typeof options !== 'object' || isValue(options)) {
    owner.fail('BB308', {
      op: name,
      reason: `it takes ${[...positional.map((input) => camelCase(input.name)), 'an object of options'].join(', ')}`,
    });
  }
  const rest = { ...options };
  const operands: unknown[] = [];
  for (const input of schema.inputs) {
    const at = positional.indexOf(input);
    const key = camelCase(input.name);
    const given = at >= 0 ? args[at] : rest[key];
    delete rest[key];
    if (input.option === 'variadic') {
      if (!Array.isArray(given)) owner.fail('BB308', { op: name, reason: `${key} is not a list of values` });
      operands.push(...given);
    } else {
      if (given === undefined && at >= 0 && input.option === 'single')
        owner.fail('BB308', { op: name, reason: `operand ${key} is missing` });
      operands.push(given);
    }
  }
  while (operands.length > 0 && operands.at(-1) === undefined) operands.pop();
  return { operands, options: rest };
}

/** Inputs that are arguments of their own: the required ones, and the first whatever it is. */
const positionalInputs = (schema: OpSchema): readonly ParameterSchema[] =>
  schema.inputs.filter((input, index) => index === 0 || input.option !== 'optional');

/** Records an op over checked operands. */
export function record(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  rule: ShapeRuleName,
  operands: readonly unknown[],
  options: Options,
): unknown {
  const { inputs, bound } = resolveOperands(owner, schema, name, operands);
  const attributes = attributesOf(owner, schema, name, options);
  const facts = inputs.filter((fact) => fact !== undefined);
  const cohort = owner.meet(name, facts);
  const dims = shapeOf(owner, schema, name, rule, inputs, options);
  const typeAt = (output: ParameterSchema, index: number): ValueType | undefined => {
    const type = outputType(schema, output, bound, attributes);
    return type?.kind === 'tensor' && index === 0 ? { ...type, dims } : type;
  };
  const types = inputs.map((fact) => fact && schemaTypeOf(fact.type));
  const { since } = lowestForm(schema, types, attributes);
  if (since > NEWEST_RUNNABLE_OPSET && owner.statedOpset === undefined) {
    owner.fail('BB315', { op: schema.type, opset: since, newest: NEWEST_RUNNABLE_OPSET });
  }
  owner.opset = Math.max(owner.opset, since);
  const results = new Results(owner, schema, name, typeAt, {
    cohort,
    declinable: facts.some((fact) => fact.declinable),
  });
  const eager = results.eager(outputCount(owner, schema, name, inputs, options));
  const op = owner.addOp({
    type: schema.type,
    inputs: inputs.map((fact) => fact?.id ?? NO_VALUE),
    outputs: eager.map((fact) => fact.id),
    attributes,
  });
  owner.authored.push(op);
  return results.present(op, eager);
}

/** How many outputs to record at once: the required ones, or as many as the author asks of a variadic output. */
function outputCount(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  inputs: readonly (Fact | undefined)[],
  options: Options,
): number {
  if (schema.outputs.at(-1)?.option !== 'variadic') {
    return schema.outputs.filter((output) => output.option === 'single').length;
  }
  if (typeof options.numOutputs === 'number') return options.numOutputs;
  const sizes = inputs[schema.inputs.findIndex((input) => input.name === 'split')]?.type;
  const parts = sizes?.kind === 'tensor' ? sizes.dims?.[0] : undefined;
  if (typeof parts === 'number') return parts;
  return owner.fail('BB308', {
    op: name,
    reason: 'say how many outputs there are: numOutputs, or a list of sizes',
  });
}

/** The results of one op, in the form its author function gives them. */
class Results {
  readonly #owner: Recorder;
  readonly #schema: OpSchema;
  readonly #name: string;
  readonly #typeAt: (output: ParameterSchema, index: number) => ValueType | undefined;
  readonly #shared: Pick<Fact, 'cohort' | 'declinable'>;
  readonly #variables: ReadonlyMap<string, string> | undefined;
  readonly #variable: string | undefined;
  readonly #graph: Recorder['graph']['id'];

  constructor(
    owner: Recorder,
    schema: OpSchema,
    name: string,
    typeAt: (output: ParameterSchema, index: number) => ValueType | undefined,
    shared: Pick<Fact, 'cohort' | 'declinable'>,
  ) {
    this.#owner = owner;
    this.#schema = schema;
    this.#name = name;
    this.#typeAt = typeAt;
    this.#shared = shared;
    this.#variable = owner.site?.name;
    this.#variables = owner.site?.names;
    this.#graph = owner.graph.id;
  }

  eager(count: number): Fact[] {
    return Array.from({ length: count }, (_, index) => this.#make(index, count > 1));
  }

  #make(index: number, several: boolean): Fact {
    const { outputs } = this.#schema;
    const output = outputs[index] ?? outputs.at(-1)!;
    const list = output.option === 'variadic';
    const field = list ? String(index) : camelCase(output.name);
    const own = this.#variables?.get(field) ?? (index === 0 || list ? this.#variable : undefined);
    const plain = several || index > 0 ? `${this.#name}_${field}` : this.#name;
    return this.#owner.addValue(
      this.#owner.qualified(own ?? plain),
      this.#typeAt(output, index),
      this.#shared,
      this.#graph,
    );
  }

  /**
   * A list for a variadic output; the value itself for one required output; else an object by output name.
   * Outputs that the operator may leave out are recorded when somebody first reads them, since some make its
   * kernel much slower.
   */
  present(op: OpId, eager: readonly Fact[]): unknown {
    const { outputs } = this.#schema;
    if (outputs.at(-1)?.option === 'variadic') return eager.map((fact) => toValue(fact, this.#owner));
    const single = eager.length === 1;
    const result: object = single ? toValue(eager[0]!, this.#owner) : {};
    outputs.forEach((output, index) => {
      if (single && index === 0) return;
      let value: Tensor | undefined = eager[index] && toValue(eager[index], this.#owner);
      const get = (): Tensor => {
        value ??= toValue(this.#late(op, index), this.#owner);
        return value;
      };
      Object.defineProperty(result, camelCase(output.name), { get, enumerable: true });
    });
    return result;
  }

  #late(op: OpId, index: number): Fact {
    const fact = this.#make(index, true);
    const { editor } = this.#owner;
    const ids: ValueId[] = [...editor.op(op).outputs];
    while (ids.length <= index) ids.push(NO_VALUE);
    ids[index] = fact.id;
    editor.setOp(op, { outputs: ids });
    return fact;
  }
}

interface Resolved {
  readonly inputs: readonly (Fact | undefined)[];
  /** Type variable to the schema type that the operands gave it. */
  readonly bound: ReadonlyMap<string, string>;
}

function resolveOperands(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  operands: readonly unknown[],
): Resolved {
  const bound = new Map<string, string>();
  const parameter = (index: number): ParameterSchema => schema.inputs[index] ?? schema.inputs.at(-1)!;
  const facts = operands.map((operand, index) => {
    if (operand === undefined || isLiteral(operand)) return undefined;
    const fact = factOf(operand, name);
    bind(owner, schema, name, parameter(index), fact, bound);
    return fact;
  });
  const first = facts[0] && schemaTypeOf(facts[0].type);
  const inputs = operands.map((operand, index) => {
    if (operand === undefined || facts[index] !== undefined) return facts[index];
    const { type } = parameter(index);
    const besideUnknown = facts.some((fact, at) => {
      return fact !== undefined && parameter(at).type === type && schemaTypeOf(fact.type) === undefined;
    });
    const dtype = literalDType(schema, parameter(index), bound, first, operand, besideUnknown);
    return addConstant(owner, fromNested(owner, operand as Nested, dtype));
  });
  return { inputs, bound };
}

const isLiteral = (thing: unknown): boolean =>
  typeof thing !== 'object' || (Array.isArray(thing) && !thing.some(isValue));

function bind(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  parameter: ParameterSchema,
  fact: Fact,
  bound: Map<string, string>,
): void {
  const type = schemaTypeOf(fact.type);
  if (type === undefined) return;
  const variable = schema.typeSets.has(parameter.type) && parameter.homogeneous;
  const before = variable ? bound.get(parameter.type) : undefined;
  if (before !== undefined && before !== type) {
    const [a, b] = [formatType(parseSchemaType(before)), formatType(parseSchemaType(type))];
    owner.fail('BB307', { op: name, reason: `dtypes differ: ${a} and ${b}` });
  }
  if (!admittedTypes(schema, parameter).has(type)) {
    const got = formatType(parseSchemaType(type));
    const wanted = [...admittedTypes(schema, parameter)].map((one) => formatType(parseSchemaType(one)));
    owner.fail('BB307', {
      op: name,
      reason: `${camelCase(parameter.name)} is ${got}, not ${wanted.slice(0, 8).join(', ')}${wanted.length > 8 ? ' …' : ''}`,
    });
  }
  if (variable) bound.set(parameter.type, type);
}

/** The dtype that a literal takes: the one its parameter must have, else that of the first operand, else a usual one. */
function literalDType(
  schema: OpSchema,
  parameter: ParameterSchema,
  bound: Map<string, string>,
  first: string | undefined,
  literal: unknown,
  besideUnknown: boolean,
): DType | undefined {
  const admitted = admittedTypes(schema, parameter);
  const sample = (Array.isArray(literal) ? literal.flat(8) : [literal])[0];
  const usual = [
    bound.get(parameter.type),
    first,
    typeof sample === 'boolean' ? 'tensor(bool)' : undefined,
    typeof sample === 'bigint' ? 'tensor(int64)' : undefined,
    // Beside a value of an imported model, whose dtype is not known here, 1 is most likely a float.
    Number.isInteger(sample) && !besideUnknown ? 'tensor(int64)' : undefined,
    'tensor(float)',
    'tensor(int64)',
  ].find((type) => type !== undefined && admitted.has(type));
  const type = parseSchemaType(usual ?? [...admitted][0]!);
  if (schema.typeSets.has(parameter.type) && !bound.has(parameter.type) && usual !== undefined) {
    bound.set(parameter.type, usual);
  }
  return type.kind === 'tensor' ? type.dtype : undefined;
}

/** Attributes that hold a TensorProto.DataType number; authors write the dtype's name. */
const dtypeAttributes = new Set(['to', 'dtype', 'output_dtype', 'output_datatype']);

function attributesOf(owner: Recorder, schema: OpSchema, name: string, options: Options): Attribute[] {
  const attributes: Attribute[] = [];
  const left = new Set(Object.keys(options).filter((key) => options[key] !== undefined));
  for (const attribute of schema.attributes) {
    const key = camelCase(attribute.name);
    const value = options[key];
    if (value !== undefined) attributes.push(toAttribute(owner, name, attribute, value));
    else if (attribute.required) owner.fail('BB308', { op: name, reason: `option ${key} is missing` });
    left.delete(key);
  }
  for (const key of left) owner.fail('BB308', { op: name, reason: `there is no option ${key}` });
  return attributes;
}

const utf8 = new TextEncoder();
const asBigInt = (value: unknown): bigint => BigInt(value as number | bigint | boolean);

function toAttribute(owner: Recorder, op: string, schema: AttributeSchema, value: unknown): Attribute {
  const { name, kind } = schema;
  try {
    switch (kind) {
      case 'int':
        return dtypeAttributes.has(name) && typeof value === 'string' && isDType(value)
          ? { name, kind, value: BigInt(elemTypeOf(value)) }
          : { name, kind, value: asBigInt(value) };
      case 'float':
        return { name, kind, value: Math.fround(Number(value)) };
      case 'string':
        return { name, kind, value: utf8.encode(String(value)) };
      case 'ints':
        return { name, kind, value: (value as readonly number[]).map(asBigInt) };
      case 'floats':
        return { name, kind, value: (value as readonly number[]).map(Math.fround) };
      case 'strings':
        return { name, kind, value: (value as readonly string[]).map((text) => utf8.encode(text)) };
      case 'tensor':
        return { name, kind, value: tensorAttribute(owner, value) };
      case 'graph':
        return { name, kind, value: value as never };
      default:
        return owner.fail('BB308', { op, reason: `option ${camelCase(name)} cannot be written here` });
    }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError))
      throw error;
    return owner.fail('BB308', { op, reason: `option ${camelCase(name)} is not of kind ${kind}` });
  }
}

/** A tensor attribute: nested arrays, or `{ data, dtype }`. */
function tensorAttribute(owner: Recorder, value: unknown): Weight {
  const { data, dtype } =
    typeof value === 'object' && value !== null && 'data' in value
      ? (value as { data: Nested; dtype?: DType })
      : { data: value as Nested, dtype: undefined };
  return weightOf(fromNested(owner, data, dtype));
}

function outputType(
  schema: OpSchema,
  output: ParameterSchema,
  bound: ReadonlyMap<string, string>,
  attributes: readonly Attribute[],
): ValueType | undefined {
  const set = schema.typeSets.get(output.type);
  if (set === undefined) return parseSchemaType(output.type);
  const container = containerOf(schema.type, bound);
  if (container !== undefined) return container;
  const filling = attributes.find(({ kind }) => kind === 'tensor');
  if (filling?.kind === 'tensor') return tensorType(filling.value.dtype);
  const told = attributes.find((attribute) => dtypeAttributes.has(attribute.name));
  if (told?.kind === 'int') {
    const tensor = tensorType(dtypeOfElemType(Number(told.value)));
    return schema.type === 'SequenceEmpty' ? { kind: 'sequence', elem: tensor } : tensor;
  }
  const type = bound.get(output.type) ?? (set.size === 1 ? [...set][0] : undefined);
  if (type !== undefined) return parseSchemaType(type);
  const fallback = schema.attributes.find((attribute) => dtypeAttributes.has(attribute.name))?.default;
  if (typeof fallback === 'number' && fallback !== 0) return tensorType(dtypeOfElemType(fallback));
  return [...set].every((one) => one.startsWith('tensor(')) ? tensorType(undefined) : undefined;
}

/** What operators on sequences and optionals give: their schemas do not relate it to what they take. */
function containerOf(op: string, bound: ReadonlyMap<string, string>): ValueType | undefined {
  const type = (variable: string): ValueType | undefined => {
    const text = bound.get(variable);
    return text === undefined ? undefined : parseSchemaType(text);
  };
  switch (op) {
    case 'Optional':
      return { kind: 'optional', elem: type('V') };
    case 'OptionalGetElement': {
      const given = type('O');
      return given?.kind === 'optional' ? given.elem : given;
    }
    case 'SequenceConstruct':
    case 'SplitToSequence':
      return { kind: 'sequence', elem: type('T') };
    case 'SequenceAt':
    case 'ConcatFromSequence': {
      const given = type('S');
      return given?.kind === 'sequence' ? given.elem : undefined;
    }
    default:
      return undefined;
  }
}

function shapeOf(
  owner: Recorder,
  schema: OpSchema,
  name: string,
  rule: ShapeRuleName,
  inputs: readonly (Fact | undefined)[],
  options: Options,
): Shape {
  const attributes = Object.fromEntries(
    schema.attributes.map((attribute) => [attribute.name, options[camelCase(attribute.name)]]),
  );
  try {
    return shapeRules[rule]({
      shapes: inputs.map((fact) => (fact?.type?.kind === 'tensor' ? fact.type.dims : undefined)),
      ints: (index) => (inputs[index] ? integersOf(owner, inputs[index]) : undefined),
      attributes,
    });
  } catch (error) {
    if (error instanceof ShapeMistake) return owner.fail('BB302', { op: name, reason: error.message });
    throw error;
  }
}

/** The elements of a constant of integers; undefined for other values. */
function integersOf(owner: Recorder, fact: Fact): readonly number[] | undefined {
  const { weight } = owner.editor.value(fact.id);
  if (weight?.dtype !== 'int64' && weight?.dtype !== 'int32') return undefined;
  const { bytes } = readWeight(weight);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = weight.dtype === 'int64';
  return Array.from({ length: bytes.length / (wide ? 8 : 4) }, (_, index) =>
    wide ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true),
  );
}
