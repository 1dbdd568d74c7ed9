// Makes small programs for tests, as the compiler would emit them.

import { create, toBinary } from '@bufbuild/protobuf';
import type { DataValue } from '../../ir/data.ts';
import type { Edge, EdgeKind, Manifest, Port } from '../../ir/deployment.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
} from '../../ir/generated/onnx-ml_pb.ts';
import { DOMAIN, METADATA } from '../../ir/names.ts';
import { elementCount, elemTypeOf, packStrings, type Tensor, unpackStrings } from '../../ir/types.ts';
import type { LoadedBundle } from '../../runtime/index.ts';

export const SECOND_NS = 1e9;
/** What stands for the deployment's hash. */
export const DEPLOYMENT = 'd'.repeat(64);

export interface OpSpec {
  /** `wire.Send`, `core.When`, `segment.name`. */
  readonly op: string;
  readonly in?: readonly string[];
  readonly out?: readonly string[];
  readonly fragment?: number;
  readonly attributes?: Readonly<Record<string, number | readonly number[] | string | readonly string[]>>;
  /** Which of several seats it belongs to. */
  readonly seat?: string;
}

export interface ProgramSpec {
  readonly class: string;
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly edges?: readonly Edge[];
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly ops: readonly OpSpec[];
  readonly entries?: Manifest['entries'];
  readonly seats?: Manifest['seats'];
  readonly slots?: Manifest['slots'];
}

export const f32 = (...values: number[]): Tensor => ({
  dtype: 'float32',
  dims: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
export const numbers = (value: DataValue): number[] => [
  ...new Float32Array((value as Tensor).bytes.slice().buffer),
];
export const bool = (value: boolean): Tensor => ({
  dtype: 'bool',
  dims: [],
  bytes: Uint8Array.of(value ? 1 : 0),
});

export const peers = (...ids: string[]): Tensor => ({
  dtype: 'string',
  dims: [ids.length],
  bytes: packStrings(ids),
});

const port = (name: string): Port => ({ name, dtype: null, shape: null });

/** An edge between classes; binders follow from the kind. */
export const edge = (
  id: number,
  kind: EdgeKind,
  from: string,
  to: string,
  more: Partial<Edge> = {},
): Edge => ({
  id,
  value: `v${id}`,
  kind,
  from: { class: from, binder: kind === 'collect' ? 'each' : 'single' },
  to: { class: to, binder: kind === 'broadcast' ? 'each' : 'single' },
  dtype: null,
  shape: null,
  bytes: null,
  codec: 'raw',
  envelope: id,
  deadlineNs: 10 * SECOND_NS,
  ...more,
});

function attribute(name: string, value: number | readonly (number | string)[] | string): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  if (typeof value === 'string') {
    const s = new TextEncoder().encode(value);
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s });
  }
  if (value.some((one) => typeof one === 'string')) {
    const strings = value.map((one) => new TextEncoder().encode(String(one)));
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRINGS, strings });
  }
  const ints = value.map(BigInt);
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints });
}

const domains: Readonly<Record<string, string>> = DOMAIN;

const property = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });

function node({ op, in: input = [], out = [], fragment, attributes = {}, seat }: OpSpec) {
  const dot = op.lastIndexOf('.');
  const [domain, opType] = [op.slice(0, dot), op.slice(dot + 1)];
  return create(NodeProtoSchema, {
    domain: domains[domain] ?? domain,
    opType,
    input: [...input],
    output: [...out],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    metadataProps: [
      ...(fragment === undefined ? [] : [property(METADATA.fragment, String(fragment))]),
      ...(seat === undefined ? [] : [property(METADATA.seat, seat)]),
    ],
  });
}

export function makeBundle(spec: ProgramSpec): LoadedBundle {
  const { class: name, members, edges = [], inputs = [], outputs = [], constants = {}, ops } = spec;
  const calls = ops.filter(({ op }) => op.startsWith('segment.'));
  const opset = create(OperatorSetIdProtoSchema, { domain: '', version: 21n });
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [opset],
    graph: create(GraphProtoSchema, {
      name,
      node: ops.map(node),
      initializer: Object.entries(constants).map(([constant, { dtype, dims, bytes }]) =>
        create(TensorProtoSchema, {
          name: constant,
          dataType: elemTypeOf(dtype),
          dims: dims.map(BigInt),
          ...(dtype === 'string'
            ? {
                stringData: unpackStrings(bytes, elementCount(dims)!).map((one) =>
                  new TextEncoder().encode(one),
                ),
              }
            : { rawData: bytes }),
        }),
      ),
    }),
    functions: calls.map(({ op, in: input = [], out = [] }) =>
      create(FunctionProtoSchema, {
        domain: DOMAIN.segment,
        name: op.slice('segment.'.length),
        input: input.map((_, index) => `x${index}`),
        output: out.map((_, index) => `y${index}`),
        opsetImport: [opset],
        node: out.map((_, index) =>
          create(NodeProtoSchema, { opType: 'Identity', input: ['x0'], output: [`y${index}`] }),
        ),
      }),
    ),
  });
  const manifest: Manifest = {
    version: 1,
    deployment: DEPLOYMENT,
    program: name,
    class: name,
    members,
    files: { program: { file: 'program.onnx', bytes: 0, sha256: '0'.repeat(64) }, weights: null },
    opsets: { '': 21 },
    ops: {},
    ...(spec.seats && { seats: spec.seats }),
    entries: spec.entries ?? [{ name: 'main', class: Object.keys(members)[0]! }],
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    slots: spec.slots ?? [],
    state: [],
    edgesIn: edges.filter((one) => one.to.class === name),
    edgesOut: edges.filter((one) => one.from.class === name),
    memory: { weightBytes: 0, stateBytes: 0, activationBytes: null },
    wire: { version: 1 },
  };
  return { manifest, onnx: toBinary(ModelProtoSchema, model) };
}

// Shorthands for ops.
export const send = (id: number, x: string, fragment?: number, more: OpSpec['attributes'] = {}): OpSpec => ({
  op: 'wire.Send',
  in: x === '' ? [] : [x],
  attributes: { edge: id, ...more },
  ...(fragment === undefined ? {} : { fragment }),
});
export const recv = (id: number, x: string, deadlineNs = 10 * SECOND_NS): OpSpec => ({
  op: 'wire.Recv',
  out: [x],
  attributes: { edge: id, deadline_ns: deadlineNs },
});
export const call = (
  name: string,
  input: readonly string[],
  out: readonly string[],
  fragment?: number,
): OpSpec => ({ op: `segment.${name}`, in: input, out, ...(fragment === undefined ? {} : { fragment }) });
export const core = (
  type: string,
  input: readonly string[],
  out: readonly string[],
  fragment?: number,
  attributes: OpSpec['attributes'] = {},
): OpSpec => ({
  op: `core.${type}`,
  in: input,
  out,
  attributes,
  ...(fragment === undefined ? {} : { fragment }),
});
