// Where in its file each op stands: the scanner notes where every NodeProto begins, the decoder keeps their order.

import type { FunctionProto, GraphProto, ModelProto, NodeProto } from '../generated/onnx-ml_pb.ts';

/** Fields of ModelProto that hold nodes. */
const [GRAPH, FUNCTIONS] = [7, 25];

/** The byte at which each node of a decoded model begins; empty if the counts do not agree. */
export function nodeOffsets(
  proto: ModelProto,
  noted: ReadonlyMap<number, readonly number[]>,
): ReadonlyMap<NodeProto, number> {
  const offsets = new Map<NodeProto, number>();
  const pair = (graphs: readonly (GraphProto | FunctionProto)[], starts: readonly number[] = []): boolean => {
    const before = offsets.size;
    for (const graph of graphs)
      for (const node of nodesIn(graph)) offsets.set(node, starts[offsets.size - before] ?? -1);
    return offsets.size - before === starts.length;
  };
  const agree =
    pair(proto.graph === undefined ? [] : [proto.graph], noted.get(GRAPH)) &&
    pair(proto.functions, noted.get(FUNCTIONS));
  return agree ? offsets : new Map();
}

/** In the order of the file: each node before the ones of the graphs it holds. */
function* nodesIn(graph: GraphProto | FunctionProto): Iterable<NodeProto> {
  for (const node of graph.node) {
    yield node;
    for (const attribute of node.attribute) {
      if (attribute.g !== undefined) yield* nodesIn(attribute.g);
      for (const inner of attribute.graphs) yield* nodesIn(inner);
    }
  }
}
