// Makes a segment, a function of a program, a model of its own that a backend can load.

import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Port } from '../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../ir/diagnostic.ts';
import {
  type AttributeProto,
  type FunctionProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type TypeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../ir/generated/onnx-ml_pb.ts';
import type { ByteSource } from '../ir/graph.ts';
import { DOMAIN } from '../ir/names.ts';
import { dtypeOfElemType } from '../ir/types.ts';
import type { SegmentModel } from './backend.ts';
import type { LoadedBundle } from './bundle.ts';

const functionKey = (domain: string, name: string, overload: string): string =>
  `${domain}\n${name}\n${overload}`;

/**
 * The models of all segments that a bundle's program calls, by name. What a call passes from the program's
 * initializers becomes an initializer of the segment's model; the rest are its inputs.
 * Throws DiagnosticError BB622.
 */
export function segmentModels(bundle: LoadedBundle): ReadonlyMap<string, SegmentModel> {
  const program = bundle.manifest.program;
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bundle.onnx);
  } catch (error) {
    throw new DiagnosticError(
      diagnostic('BB622', { program, reason: `program.onnx is damaged: ${String(error)}` }),
    );
  }
  const weights = new Map((model.graph?.initializer ?? []).map((one) => [one.name, one]));
  const functions = new Map(
    model.functions.map((one) => [functionKey(one.domain, one.name, one.overload), one]),
  );
  const models = new Map<string, SegmentModel>();
  for (const call of model.graph?.node ?? []) {
    if (call.domain !== DOMAIN.segment || models.has(call.opType)) continue;
    const fn = functions.get(functionKey(call.domain, call.opType, call.overload));
    if (fn === undefined)
      throw new DiagnosticError(diagnostic('BB622', { program, reason: `no function ${call.opType}` }));
    models.set(call.opType, segmentModel(model, call, fn, weights, functions, bundle.weights));
  }
  return models;
}

function segmentModel(
  model: ModelProto,
  call: NodeProto,
  fn: FunctionProto,
  weights: ReadonlyMap<string, TensorProto>,
  functions: ReadonlyMap<string, FunctionProto>,
  source: ByteSource | undefined,
): SegmentModel {
  const types = new Map(fn.valueInfo.map((info) => [info.name, info]));
  const typed = (name: string): ValueInfoProto => types.get(name) ?? create(ValueInfoProtoSchema, { name });
  const initializer: TensorProto[] = [];
  const inputs: ValueInfoProto[] = [];
  const taken = new Set<string>();
  fn.input.forEach((name, index) => {
    const passed = call.input[index] ?? '';
    const weight = weights.get(passed);
    if (weight !== undefined) {
      const own = clone(TensorProtoSchema, weight);
      own.name = name;
      initializer.push(own);
    } else if (passed !== '') inputs.push(typed(name));
    taken.add(name);
  });
  const outputs = fn.output.filter((_, index) => (call.output[index] ?? '') !== '').map(typed);
  for (const output of outputs) taken.add(output.name);
  const callees = calledFunctions(fn, functions);
  const graph = create(GraphProtoSchema, {
    name: fn.name,
    node: fn.node,
    initializer,
    input: inputs,
    output: outputs,
    valueInfo: fn.valueInfo.filter((info) => !taken.has(info.name)),
  });
  const onnx = create(ModelProtoSchema, {
    irVersion: model.irVersion,
    producerName: 'bytesandbrains',
    opsetImport: opsets(fn, callees),
    graph,
    functions: callees,
  });
  const external = initializer.some((one) => one.dataLocation === TensorProto_DataLocation.EXTERNAL);
  return {
    name: fn.name,
    onnx: toBinary(ModelProtoSchema, onnx),
    weights: external ? source : undefined,
    inputs: inputs.map(portOf),
    outputs: outputs.map(portOf),
  };
}

/** Functions that `fn` calls, directly or not, in the order of the program. */
function calledFunctions(fn: FunctionProto, functions: ReadonlyMap<string, FunctionProto>): FunctionProto[] {
  const called = new Set<FunctionProto>();
  const open = [fn.node];
  const graphsOf = ({ g, graphs }: AttributeProto) => (g === undefined ? graphs : [g, ...graphs]);
  for (let nodes = open.pop(); nodes !== undefined; nodes = open.pop()) {
    for (const node of nodes) {
      for (const graph of node.attribute.flatMap(graphsOf)) open.push(graph.node);
      const callee = functions.get(functionKey(node.domain, node.opType, node.overload));
      if (callee === undefined || called.has(callee)) continue;
      called.add(callee);
      open.push(callee.node);
    }
  }
  return [...functions.values()].filter((one) => called.has(one));
}

function opsets(fn: FunctionProto, callees: readonly FunctionProto[]) {
  const versions = new Map<string, bigint>();
  for (const { domain, version } of [fn, ...callees].flatMap((one) => one.opsetImport))
    versions.set(domain === 'ai.onnx' ? '' : domain, version);
  for (const callee of callees) if (!versions.has(callee.domain)) versions.set(callee.domain, 1n);
  return [...versions].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version }));
}

function portOf({ name, type }: ValueInfoProto): Port {
  const tensor = tensorTypeOf(type);
  return {
    name,
    dtype: (tensor && dtypeOfElemType(tensor.elemType)) ?? null,
    shape:
      tensor?.shape?.dim.map(({ value }) =>
        value.case === 'dimValue'
          ? Number(value.value)
          : value.case === 'dimParam' && value.value !== ''
            ? value.value
            : null,
      ) ?? null,
  };
}

const tensorTypeOf = (type: TypeProto | undefined) =>
  type?.value.case === 'tensorType' ? type.value.value : undefined;
