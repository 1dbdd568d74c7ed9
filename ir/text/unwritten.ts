// What a model says that the textual syntax has no place for.

import type { FunctionProto, GraphProto, ModelProto, NodeProto } from '../generated/onnx-ml_pb.ts';

/** Each kind of content that {@link writeText} leaves out of this model, in words; empty if it writes everything. */
export function unwritten(model: ModelProto): readonly string[] {
  const kinds = new Set<string>();
  const note = (kind: string, list: readonly unknown[] | string): void => {
    if (list.length > 0) kinds.add(kind);
  };
  const ops = (list: readonly NodeProto[]): void => {
    for (const op of list) {
      note('descriptions of ops', op.docString);
      note('metadata of ops', op.metadataProps);
      note('device configurations', op.deviceConfigurations);
      for (const { g, graphs, docString } of op.attribute) {
        note('descriptions of attributes', docString);
        for (const inner of g === undefined ? graphs : [g]) graph(inner);
      }
    }
  };
  const graph = (one: GraphProto): void => {
    note('descriptions of graphs', one.docString);
    note('metadata of graphs', one.metadataProps);
    note('sparse initializers', one.sparseInitializer);
    note('quantization annotations', one.quantizationAnnotation);
    for (const value of [...one.input, ...one.output, ...one.valueInfo]) {
      note('descriptions of values', value.docString);
      note('metadata of values', value.metadataProps);
    }
    for (const tensor of one.initializer) note('descriptions of initializers', tensor.docString);
    ops(one.node);
  };
  const fn = (one: FunctionProto): void => {
    note('metadata of functions', one.metadataProps);
    ops(one.node);
  };
  note('training information', model.trainingInfo);
  note('device configurations', model.configuration);
  graph(model.graph!);
  model.functions.forEach(fn);
  return [...kinds];
}
