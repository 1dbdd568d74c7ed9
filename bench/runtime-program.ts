// Programs for the runtime's benchmarks: nothing but calls, sends and receives.

import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from '../ir/generated/onnx-ml_pb.ts';
import { DOMAIN, type Edge, WIRE } from '../ir/index.ts';
import { decodeProgram, type Program } from '../runtime/index.ts';

/** Longer than any benchmark. */
const DEADLINE_NS = 3600e9;
const members = { left: ['left'], right: ['right'] };
type Side = keyof typeof members;

function bundle(name: Side, nodes: NodeProto[], edges: readonly Edge[], ends: 'both' | 'none'): Program {
  const ports = ends === 'both' ? (value: string) => [{ name: value, dtype: null, shape: null }] : () => [];
  const functions = nodes.some((node) => node.domain === DOMAIN.segment)
    ? [create(FunctionProtoSchema, { domain: DOMAIN.segment, name: 'pass', input: ['x'], output: ['y'] })]
    : [];
  const graph = create(GraphProtoSchema, { name, node: nodes });
  const onnx = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, graph, functions }));
  return decodeProgram({
    onnx,
    manifest: {
      version: 1,
      deployment: '0'.repeat(64),
      program: name,
      class: name,
      members,
      files: { program: { file: 'program.onnx', bytes: onnx.length, sha256: '0'.repeat(64) }, weights: null },
      opsets: {},
      ops: {},
      entries: [{ name: 'main', class: 'left' }],
      inputs: ports('v0'),
      outputs: ports(`v${ends === 'both' ? lastOf(nodes) : 0}`),
      slots: [],
      state: [],
      edgesIn: edges.filter((edge) => edge.to.class === name),
      edgesOut: edges.filter((edge) => edge.from.class === name),
      memory: { weightBytes: 0, stateBytes: 0, activationBytes: null },
      wire: { version: 1 },
    },
  });
}

const lastOf = (nodes: readonly NodeProto[]): string =>
  nodes.findLast((node) => node.output.length > 0)!.output[0]!.slice(1);

/** A chain of `ops` calls at one peer, from v0. */
export function chainOf(ops: number): Program {
  const nodes = Array.from({ length: ops }, (_, index) =>
    create(NodeProtoSchema, {
      domain: DOMAIN.segment,
      opType: 'pass',
      input: [`v${index}`],
      output: [`v${index + 1}`],
    }),
  );
  return bundle('left', nodes, [], 'both');
}

/** A value that crosses `hops` times, an even number, between two peers and comes back to the first. */
export function pingPong(hops: number): Readonly<Record<Side, Program>> {
  const sides: readonly Side[] = ['left', 'right'];
  const edges = Array.from({ length: hops }, (_, id): Edge => {
    const from = { class: sides[id % 2]!, binder: 'single' } as const;
    const to = { class: sides[(id + 1) % 2]!, binder: 'single' } as const;
    const type = { dtype: null, shape: null, bytes: null, codec: 'raw' } as const;
    return { id, value: `v${id}`, kind: 'send', from, to, ...type, envelope: id, deadlineNs: DEADLINE_NS };
  });
  const int = (name: string, value: number) =>
    create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  const nodesOf = (side: Side): NodeProto[] =>
    edges.flatMap((edge) => {
      const attribute = [int('edge', edge.id)];
      const domain = DOMAIN.wire;
      if (edge.from.class === side)
        return create(NodeProtoSchema, { domain, opType: WIRE.send, input: [`v${edge.id}`], attribute });
      return create(NodeProtoSchema, { domain, opType: WIRE.recv, output: [`v${edge.id + 1}`], attribute });
    });
  return {
    left: bundle('left', nodesOf('left'), edges, 'both'),
    right: bundle('right', nodesOf('right'), edges, 'none'),
  };
}
