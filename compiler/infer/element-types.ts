// Element types: from the operator's signature, and, where that leaves them open, from attributes.

import { typeOf } from '../../ir/onnx/types.ts';
import {
  admittedTypes,
  type OpSchema,
  parameterAt,
  parseSchemaType,
  schemaTypeOf,
} from '../../ir/ops/schema.ts';
import {
  bitsOf,
  type Dim,
  type DType,
  dtypeOfElemType,
  dtypeOfOnnxName,
  type Shape,
  tensorType,
  type ValueType,
} from '../../ir/types.ts';
import { axisOf, Contradiction, sumDims } from './dims.ts';
import { joinTypes } from './value-types.ts';
import type { OpView } from './view.ts';

/** Two inputs that share a type variable but not a type, or an input of a type that is not admitted. */
export interface TypeClash {
  readonly index: number;
  readonly parameter: string;
  readonly got: string;
  /** The type that an earlier input gave the variable; absent: `got` is not admitted at all. */
  readonly other?: { readonly index: number; readonly type: string };
  readonly admitted: readonly string[];
}

export interface Signature {
  /** Types of the outputs as the signature has them, without shapes. */
  readonly outputs: readonly (ValueType | undefined)[];
  readonly clashes: readonly TypeClash[];
}

/** Of one op; a variadic operator may have any number of inputs. */
const MAX_CLASHES = 8;

/** What the signature alone says. */
export function applySignature(op: OpView, schema: OpSchema): Signature {
  // No map: an operator has one or two type variables, and every op of a model comes by.
  const bound: { readonly variable: string; readonly index: number; readonly type: string }[] = [];
  const boundTo = (variable: string) => bound.find((one) => one.variable === variable);
  const clashes: TypeClash[] = [];
  for (let index = 0; index < op.inputCount; index++) {
    const parameter = parameterAt(schema.inputs, index);
    const got = schemaTypeOf(op.type(index));
    if (parameter === undefined || got === undefined) continue;
    const admitted = admittedTypes(schema, parameter);
    const other = parameter.homogeneous ? boundTo(parameter.type) : undefined;
    if (!admitted.has(got) || (other !== undefined && other.type !== got)) {
      if (clashes.length >= MAX_CLASHES) continue;
      clashes.push({
        index,
        parameter: parameter.name,
        got,
        admitted: [...admitted],
        ...(other && { other }),
      });
    } else if (parameter.homogeneous && other === undefined) {
      bound.push({ variable: parameter.type, index, type: got });
    }
  }
  const outputs = op.op.outputs.map((_, index) => {
    const parameter = parameterAt(schema.outputs, index);
    if (parameter === undefined || !parameter.homogeneous) return undefined;
    const admitted = admittedTypes(schema, parameter);
    const text = boundTo(parameter.type)?.type ?? (admitted.size === 1 ? [...admitted][0] : undefined);
    return text === undefined ? undefined : parsed(text);
  });
  return { outputs, clashes };
}

const parsedTypes = new Map<string, ValueType>();
/** Schemas have about a hundred type strings. */
function parsed(text: string): ValueType {
  const remembered = parsedTypes.get(text);
  if (remembered !== undefined) return remembered;
  const type = parseSchemaType(text);
  parsedTypes.set(text, type);
  return type;
}

type TypeRule = (op: OpView) => readonly (ValueType | undefined)[];

const ofDType = (dtype: DType | undefined): ValueType | undefined => dtype && tensorType(dtype);
/** The element type that an int attribute names; 0 stands for "not given". */
function named(op: OpView, attribute: string): DType | undefined {
  const number = op.int(attribute);
  const dtype = number === undefined ? undefined : dtypeOfElemType(number);
  if (number && dtype === undefined) throw new Contradiction(`${attribute} ${number} is no element type`);
  return dtype;
}
const dtypeAttribute =
  (attribute: string, fallback: (op: OpView) => DType | undefined): TypeRule =>
  (op) => [ofDType(named(op, attribute) ?? fallback(op))];
function sameWidth(op: OpView): DType | undefined {
  const [from, to] = [op.dtype(0), named(op, 'to')];
  if (from !== undefined && to !== undefined && bitsOf(from) !== bitsOf(to))
    throw new Contradiction(`${from} has ${bitsOf(from)} bits, ${to} ${bitsOf(to)}`);
  return to;
}
function quantized(op: OpView): DType | undefined {
  const [stated, point] = [named(op, 'output_dtype'), op.dtype(2)];
  if (stated !== undefined && point !== undefined && stated !== point)
    throw new Contradiction(`output_dtype is ${stated}, and the zero point ${point}`);
  return op.has(2) ? point : (stated ?? 'uint8');
}
const float = (): DType => 'float32';
const ofInput =
  (index: number) =>
  (op: OpView): DType | undefined =>
    op.dtype(index);

function constant(op: OpView): readonly (ValueType | undefined)[] {
  const tensor = op.tensor('value');
  if (tensor !== undefined) return [ofDType(tensor.dtype)];
  const sparse = op.attribute('sparse_value');
  // The output of a sparse constant is a dense tensor.
  if (sparse?.kind === 'sparse') return [ofDType(dtypeOfElemType(sparse.value.values?.dataType ?? 0))];
  const forms = { int: 'int64', float: 'float32', string: 'string' } as const;
  for (const [form, dtype] of Object.entries(forms)) {
    if (op.attribute(`value_${form}`) ?? op.attribute(`value_${form}s`)) return [tensorType(dtype)];
  }
  return [];
}

function typeAttribute(op: OpView, name: string): ValueType | undefined {
  const attribute = op.attribute(name);
  return attribute?.kind === 'type' ? typeOf(attribute.value) : undefined;
}

const elemOf = (type: ValueType | undefined, kind: 'sequence' | 'optional'): ValueType | undefined =>
  type?.kind === kind ? type.elem : undefined;

function sequenceOf(op: OpView, index: number, dims: Shape): ValueType {
  const dtype = op.dtype(index);
  return { kind: 'sequence', elem: dtype && tensorType(dtype, dims) };
}

/** What is known of every element of a sequence after one more went in. */
function inserted(op: OpView): ValueType | undefined {
  const [sequence, tensor] = [op.type(0), op.type(1)];
  if (sequence?.kind !== 'sequence') return undefined;
  return { kind: 'sequence', elem: joinTypes(sequence.elem, tensor) };
}

function checkParts(whole: Dim, sizes: readonly Dim[] | undefined): void {
  const total = sizes === undefined ? null : sumDims(sizes);
  if (typeof total === 'number' && typeof whole === 'number' && total !== whole)
    throw new Contradiction(`parts of ${total} in all do not make up an axis of ${whole}`);
}

function splitSequence(op: OpView): ValueType {
  const dims = op.dims(0);
  if (dims === undefined) return sequenceOf(op, 0, undefined);
  const axis = op.int('axis', 0);
  const at = axisOf(axis, dims.length);
  if (op.has(1)) {
    const sizes = op.elems(1);
    checkParts(dims[at]!, op.rank(1) === 1 ? sizes : undefined);
    const size = sizes?.every((one) => one === sizes[0]) ? (sizes[0] ?? null) : null;
    return sequenceOf(op, 0, dims.with(at, op.rank(1) === 0 && dims[at] !== size ? null : size));
  }
  return sequenceOf(op, 0, op.int('keepdims', 1) ? dims.with(at, 1) : dims.toSpliced(at, 1));
}

/** Labels are strings or integers, as the attribute that lists them says; strings, should there be both. */
const byAttribute =
  (strings: string, more: readonly (DType | undefined)[] = []): TypeRule =>
  (op) => {
    const list = op.attribute(strings);
    const label = list?.kind === 'strings' && list.value.length > 0 ? 'string' : 'int64';
    return [ofDType(label), ...more.map(ofDType)];
  };

function labelEncoder(op: OpView): readonly (ValueType | undefined)[] {
  if (op.since === 1) return [ofDType(op.dtype(0) === 'string' ? 'int64' : 'string')];
  const forms = { strings: 'string', int64s: 'int64', floats: 'float32' } as const;
  const form = Object.entries(forms).find(([name]) => op.attribute(`values_${name}`));
  return [ofDType(form?.[1] ?? op.tensor('values_tensor')?.dtype)];
}

function zipMap(op: OpView): readonly (ValueType | undefined)[] {
  const key = op.attribute('classlabels_strings') ? 'string' : 'int64';
  return [{ kind: 'sequence', elem: { kind: 'map', key, value: tensorType('float32', []) } }];
}

/** Stateful optimisers: values and statistics come out in the types they went in with. */
const updated =
  (groups: number): TypeRule =>
  (op) => {
    const n = (op.inputCount - 2) / groups;
    return op.op.outputs.map((_, index) => ofDType(op.dtype(2 + (index < n ? index : index + n))));
  };

const castTo: Readonly<Record<string, DType>> = {
  TO_FLOAT: 'float32',
  TO_STRING: 'string',
  TO_INT64: 'int64',
};

const rules = new Map<string, TypeRule>(
  Object.entries<TypeRule>({
    // Before opset 6 the target was a string such as "FLOAT".
    Cast: (op) => {
      const to = named(op, 'to') ?? byEnumName(op.string('to'));
      if (to === undefined) throw new Contradiction('its attribute to names no element type');
      return [ofDType(to)];
    },
    BitCast: (op) => [ofDType(sameWidth(op))],
    Bernoulli: dtypeAttribute('dtype', ofInput(0)),
    EyeLike: dtypeAttribute('dtype', ofInput(0)),
    RandomNormal: dtypeAttribute('dtype', float),
    RandomUniform: dtypeAttribute('dtype', float),
    RandomNormalLike: dtypeAttribute('dtype', ofInput(0)),
    RandomUniformLike: dtypeAttribute('dtype', ofInput(0)),
    Multinomial: (op) => {
      const dtype = named(op, 'dtype') ?? 'int32';
      if (dtype !== 'int32' && dtype !== 'int64') throw new Contradiction(`it draws integers, not ${dtype}`);
      return [tensorType(dtype)];
    },
    // The gradient with respect to each of the inputs that come first.
    Gradient: (op) => op.op.outputs.map((_, index) => op.type(index)),
    BlackmanWindow: dtypeAttribute('output_datatype', float),
    HannWindow: dtypeAttribute('output_datatype', float),
    HammingWindow: dtypeAttribute('output_datatype', float),
    MelWeightMatrix: dtypeAttribute('output_datatype', float),
    QuantizeLinear: (op) => [ofDType(quantized(op))],
    DequantizeLinear: (op) => [ofDType(named(op, 'output_dtype') ?? op.dtype(1))],
    Constant: constant,
    ConstantOfShape: (op) => [ofDType(op.attribute('value') ? op.tensor('value')?.dtype : 'float32')],
    LayerNormalization: (op) => {
      const statistics = named(op, 'stash_type') ?? 'float32';
      return [undefined, ofDType(statistics), ofDType(statistics)];
    },
    LinearAttention: (op) => [undefined, ofDType(op.dtype(3) ?? op.dtype(0))],
    Identity: (op) => [op.type(0)],
    SequenceEmpty: (op) => [{ kind: 'sequence', elem: ofDType(named(op, 'dtype') ?? 'float32') }],
    SequenceConstruct: (op) => {
      // Without inputs, which it must not be, it says nothing of what it holds.
      const [first, ...others] = op.op.inputs.map((_, index) => op.type(index));
      return [{ kind: 'sequence', elem: others.reduce(joinTypes, first) }];
    },
    SequenceAt: (op) => [elemOf(op.type(0), 'sequence')],
    SequenceInsert: (op) => [inserted(op)],
    SequenceErase: (op) => [op.type(0)],
    SplitToSequence: (op) => [splitSequence(op)],
    ConcatFromSequence: (op) => {
      const elem = elemOf(op.type(0), 'sequence');
      return [ofDType(elem?.kind === 'tensor' ? elem.dtype : undefined)];
    },
    Optional: (op) => {
      if (!op.has(0) && op.attribute('type') === undefined)
        throw new Contradiction('it has neither an input nor the attribute type');
      return [{ kind: 'optional', elem: op.has(0) ? op.type(0) : typeAttribute(op, 'type') }];
    },
    // From opset 18 on it also takes what is not optional, and hands it through.
    OptionalGetElement: (op) => [
      op.type(0)?.kind === 'optional' ? elemOf(op.type(0), 'optional') : op.type(0),
    ],
    CategoryMapper: (op) => [ofDType(op.dtype(0) === 'string' ? 'int64' : 'string')],
    CastMap: (op) => [ofDType(castTo[op.string('cast_to') ?? 'TO_FLOAT'])],
    DictVectorizer: (op) => {
      const type = op.type(0);
      return [type?.kind === 'map' && type.value?.kind === 'tensor' ? ofDType(type.value.dtype) : undefined];
    },
    LabelEncoder: labelEncoder,
    LinearClassifier: byAttribute('classlabels_strings', ['float32']),
    SVMClassifier: byAttribute('classlabels_strings', ['float32']),
    TreeEnsembleClassifier: byAttribute('classlabels_strings', ['float32']),
    ZipMap: zipMap,
    Adagrad: updated(3),
    Momentum: updated(3),
    Adam: updated(4),
  }),
);

/** TensorProto.DataType by its name: `FLOAT`, `INT64` … */
const byEnumName = (name = ''): DType | undefined => dtypeOfOnnxName(name.toLowerCase());

/** Whether {@link decidedTypes} knows more of this operator than its signature says. */
export const hasTypeRule = (type: string): boolean => rules.has(type);

/** Types of outputs that attributes or containers decide; entries that are undefined leave it to the signature. */
export const decidedTypes = (op: OpView): readonly (ValueType | undefined)[] =>
  rules.get(op.op.type)?.(op) ?? [];
