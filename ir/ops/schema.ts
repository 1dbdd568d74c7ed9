// Operator schemas: what every version of every ONNX operator takes, gives and is told by attributes.
//
// The facts are text in ir/generated/opset.ts, decoded when an operator is first asked for, because a
// compilation meets about forty of the six hundred. Notation, per version of an operator:
//   [since, until|null, flags, [minIn, maxIn|null, minOut, maxOut|null], inputs, outputs,
//    attributes, {type variable: index in typeSets}, allowed output counts (if only some are)]
// flags: d deprecated, x experimental, f function, u allows unknown attributes; a parameter is `name:type` and
// nothing, `?` optional, `*n` variadic of one type or `~n` of several, n at least; an attribute is
// [name, TYPE, required, default (if any)].

import { minIrVersions, newestVersions, ops, typeNames, typeSets } from '../generated/opset.ts';
import type { Attribute } from '../graph.ts';
import { type DType, dtypeOfOnnxName, onnxNameOf, tensorType, type ValueType } from '../types.ts';

export interface ParameterSchema {
  readonly name: string;
  /** A type variable of {@link OpSchema.typeSets}, or a type such as `tensor(int64)`. */
  readonly type: string;
  readonly option: 'single' | 'optional' | 'variadic';
  /** Least number of values of a variadic parameter; 1 for single, 0 for optional. */
  readonly minArity: number;
  /** Whether all values of a variadic parameter have one type. */
  readonly homogeneous: boolean;
}

export type AttributeDefault = number | string | readonly number[] | readonly string[];

export interface AttributeSchema {
  readonly name: string;
  readonly kind: Exclude<Attribute['kind'], 'reference' | 'undefined'>;
  readonly required: boolean;
  /** Absent: leaving the attribute out has a meaning of its own. */
  readonly default?: AttributeDefault;
}

/** One version of one operator. */
export interface OpSchema {
  /** "" is the standard domain. */
  readonly domain: string;
  readonly type: string;
  readonly since: number;
  /** Last opset in which this version is the current one; undefined: it still is. */
  readonly until: number | undefined;
  readonly deprecated: boolean;
  readonly experimental: boolean;
  /** Whether ONNX defines it by a function body over other operators. */
  readonly isFunction: boolean;
  readonly allowsUnknownAttributes: boolean;
  readonly minInputs: number;
  /** Infinity for variadic operators. */
  readonly maxInputs: number;
  readonly minOutputs: number;
  readonly maxOutputs: number;
  /** The only numbers of outputs that are allowed, where there are gaps. */
  readonly outputCounts?: readonly number[];
  readonly inputs: readonly ParameterSchema[];
  readonly outputs: readonly ParameterSchema[];
  readonly attributes: readonly AttributeSchema[];
  /** Type variable to the types it may stand for, such as `tensor(float)`. */
  readonly typeSets: ReadonlyMap<string, ReadonlySet<string>>;
}

type Versions = readonly CompactOp[];
type CompactOp = readonly [
  since: number,
  until: number | null,
  flags: string,
  arity: readonly [minIn: number, maxIn: number | null, minOut: number, maxOut: number | null],
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly (readonly [
    name: string,
    type: string,
    required: 0 | 1,
    fallback?: AttributeDefault,
  ])[],
  typeSets: Readonly<Record<string, number>>,
  outputCounts?: readonly number[],
];

/** By domain, then by name. */
const decoded = new Map<string, Map<string, readonly OpSchema[]>>();

/** All versions of an operator, oldest first; empty if there is no such operator. */
export function schemasOf(domain: string, type: string): readonly OpSchema[] {
  const known = decoded.get(domain)?.get(type);
  if (known !== undefined) return known;
  // Names that are not ONNX's come from files; remembering them would let input grow the table.
  if (!Object.hasOwn(ops, domain) || !Object.hasOwn(ops[domain]!, type)) return [];
  const schemas = (JSON.parse(ops[domain]![type]!) as Versions).map((op) => decode(domain, type, op));
  const ofDomain = decoded.get(domain);
  if (ofDomain === undefined) decoded.set(domain, new Map([[type, schemas]]));
  else ofDomain.set(type, schemas);
  return schemas;
}

/** The version of an operator that is current in this opset of its domain; undefined if there is none. */
export const schemaOf = (domain: string, type: string, opset: number): OpSchema | undefined =>
  schemasOf(domain, type).findLast((schema) => schema.since <= opset && (schema.until ?? opset) >= opset);

/** The newest version of every operator of a domain that is not deprecated, by name. */
export function latestOps(domain: string): readonly OpSchema[] {
  return Object.keys(ops[domain] ?? {})
    .map((type) => schemasOf(domain, type).at(-1)!)
    .filter((schema) => schema.until === undefined && !schema.deprecated);
}

/** Whether ONNX defines this domain; others have no schemas and belong to someone else. */
export const isOnnxDomain = (domain: string): boolean => Object.hasOwn(newestVersions, domain);

/** The newest opset of an ONNX domain that we know; undefined for domains of others. */
export const newestOpset = (domain: string): number | undefined =>
  Object.hasOwn(newestVersions, domain) ? newestVersions[domain] : undefined;

/** The lowest IR version whose release had this opset; 3, the oldest ONNX IR in use, where no release says. */
export function minIrVersion(opset: number, domain = ''): number {
  let found = 3;
  for (const [version, ir] of Object.entries(minIrVersions[domain] ?? {})) {
    if (Number(version) <= opset) found = Math.max(found, ir);
  }
  return found;
}

const attributeKinds: Readonly<Record<string, AttributeSchema['kind']>> = {
  FLOAT: 'float',
  INT: 'int',
  STRING: 'string',
  TENSOR: 'tensor',
  GRAPH: 'graph',
  SPARSE_TENSOR: 'sparse',
  TYPE_PROTO: 'type',
  FLOATS: 'floats',
  INTS: 'ints',
  STRINGS: 'strings',
  TENSORS: 'tensors',
  GRAPHS: 'graphs',
  SPARSE_TENSORS: 'sparses',
  TYPE_PROTOS: 'types',
};

function decode(domain: string, type: string, op: CompactOp): OpSchema {
  const [since, until, flags, arity, inputs, outputs, attributes, variables, outputCounts] = op;
  return {
    domain,
    type,
    since,
    until: until ?? undefined,
    deprecated: flags.includes('d'),
    experimental: flags.includes('x'),
    isFunction: flags.includes('f'),
    allowsUnknownAttributes: flags.includes('u'),
    minInputs: arity[0],
    maxInputs: arity[1] ?? Number.POSITIVE_INFINITY,
    minOutputs: arity[2],
    maxOutputs: arity[3] ?? Number.POSITIVE_INFINITY,
    ...(outputCounts && { outputCounts }),
    inputs: inputs.map(decodeParameter),
    outputs: outputs.map(decodeParameter),
    attributes: attributes.map(([name, kind, required, fallback]) => ({
      name,
      kind: attributeKinds[kind]!,
      required: required === 1,
      ...(fallback !== undefined && { default: fallback }),
    })),
    typeSets: new Map(Object.entries(variables).map(([variable, index]) => [variable, typeSet(index)])),
  };
}

function decodeParameter(text: string): ParameterSchema {
  const [, name, type, suffix = ''] = /^([^:]*):(.*?)(\?|[*~]\d+)?$/.exec(text)!;
  const option = suffix === '' ? 'single' : suffix === '?' ? 'optional' : 'variadic';
  return {
    name: name!,
    type: type!,
    option,
    minArity: option === 'single' ? 1 : Number(suffix.slice(1)),
    homogeneous: !suffix.startsWith('~'),
  };
}

let sets: ReadonlySet<string>[] | undefined;
function typeSet(index: number): ReadonlySet<string> {
  if (sets === undefined) {
    const names = typeNames.split('|');
    sets = (JSON.parse(typeSets) as number[][]).map((set) => new Set(set.map((at) => names[at]!)));
  }
  return sets[index]!;
}

/** The parameter that the value at `index` of an op's inputs or outputs is for; undefined beyond the last. */
export function parameterAt(
  parameters: readonly ParameterSchema[],
  index: number,
): ParameterSchema | undefined {
  const last = parameters.at(-1);
  return parameters[index] ?? (last?.option === 'variadic' ? last : undefined);
}

const singleTypes = new Map<string, ReadonlySet<string>>();
/** The types a parameter admits, such as `tensor(float)`. */
export function admittedTypes(schema: OpSchema, { type }: ParameterSchema): ReadonlySet<string> {
  let types = schema.typeSets.get(type) ?? singleTypes.get(type);
  // Schemas have few, so that they can be remembered.
  if (types === undefined) {
    types = new Set([type]);
    singleTypes.set(type, types);
  }
  return types;
}

/** The type that a schema's type string stands for, shape unknown. Throws RangeError for text in no schema. */
export function parseSchemaType(text: string): ValueType {
  const match = /^(\w+)\((.*)\)$/.exec(text);
  const inner = match?.[2] ?? '';
  switch (match?.[1]) {
    case 'tensor':
      return tensorType(parseDType(inner));
    case 'seq':
      return { kind: 'sequence', elem: parseSchemaType(inner) };
    case 'optional':
      return { kind: 'optional', elem: parseSchemaType(inner) };
    case 'map': {
      const [key, value] = inner.split(', ');
      return { kind: 'map', key: parseDType(key!), value: tensorType(parseDType(value!)) };
    }
    default:
      throw new RangeError(`not a type of an operator schema: ${text}`);
  }
}

function parseDType(name: string): DType {
  const dtype = dtypeOfOnnxName(name);
  if (dtype === undefined) throw new RangeError(`not an element type: ${name}`);
  return dtype;
}

const tensorTypes = new Map<DType, string>();
/** Remembered: every op of a model asks, and finds the text in sets. */
function tensorTypeText(dtype: DType): string {
  let text = tensorTypes.get(dtype);
  if (text === undefined) {
    text = `tensor(${onnxNameOf(dtype)})`;
    tensorTypes.set(dtype, text);
  }
  return text;
}

/** The type string by which schemas know a type; undefined if a part of it is not known. */
export function schemaTypeOf(type: ValueType | undefined): string | undefined {
  switch (type?.kind) {
    case 'tensor':
      return type.dtype && tensorTypeText(type.dtype);
    case 'sparse':
      return type.dtype && `sparse_tensor(${onnxNameOf(type.dtype)})`;
    case 'sequence':
    case 'optional': {
      const elem = schemaTypeOf(type.elem);
      return elem && `${type.kind === 'sequence' ? 'seq' : 'optional'}(${elem})`;
    }
    case 'map': {
      const value = type.value?.kind === 'tensor' ? type.value.dtype : undefined;
      return type.key && value && `map(${onnxNameOf(type.key)}, ${onnxNameOf(value)})`;
    }
    default:
      return undefined;
  }
}
