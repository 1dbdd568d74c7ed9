// AttributeProto and Attribute, both ways. The kind follows the proto's `type`; what the file says beyond
// kind and value (documentation, unknown fields, fields that do not belong to the type) stays in the residue.

import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type TensorProto,
} from '../generated/onnx-ml_pb.ts';
import type { Attribute, GraphId, Weight } from '../graph.ts';
import { weightDraft } from './weights.ts';

type Kind = Attribute['kind'];
type ValueField =
  | 'f'
  | 'i'
  | 's'
  | 't'
  | 'g'
  | 'sparseTensor'
  | 'tp'
  | 'floats'
  | 'ints'
  | 'strings'
  | 'tensors'
  | 'graphs'
  | 'sparseTensors'
  | 'typeProtos';

interface KindFact {
  readonly kind: Exclude<Kind, 'reference' | 'undefined'>;
  readonly type: AttributeType;
  readonly field: ValueField;
  readonly list: boolean;
}

const kindFacts: readonly KindFact[] = [
  { kind: 'float', type: AttributeType.FLOAT, field: 'f', list: false },
  { kind: 'int', type: AttributeType.INT, field: 'i', list: false },
  { kind: 'string', type: AttributeType.STRING, field: 's', list: false },
  { kind: 'tensor', type: AttributeType.TENSOR, field: 't', list: false },
  { kind: 'graph', type: AttributeType.GRAPH, field: 'g', list: false },
  { kind: 'sparse', type: AttributeType.SPARSE_TENSOR, field: 'sparseTensor', list: false },
  { kind: 'type', type: AttributeType.TYPE_PROTO, field: 'tp', list: false },
  { kind: 'floats', type: AttributeType.FLOATS, field: 'floats', list: true },
  { kind: 'ints', type: AttributeType.INTS, field: 'ints', list: true },
  { kind: 'strings', type: AttributeType.STRINGS, field: 'strings', list: true },
  { kind: 'tensors', type: AttributeType.TENSORS, field: 'tensors', list: true },
  { kind: 'graphs', type: AttributeType.GRAPHS, field: 'graphs', list: true },
  { kind: 'sparses', type: AttributeType.SPARSE_TENSORS, field: 'sparseTensors', list: true },
  { kind: 'types', type: AttributeType.TYPE_PROTOS, field: 'typeProtos', list: true },
];
const factOfType = new Map(kindFacts.map((fact) => [fact.type, fact]));
const factOfKind = new Map<Kind, KindFact>(kindFacts.map((fact) => [fact.kind, fact]));

/** The number of an attribute kind in AttributeProto.AttributeType; 0 for references and undefined ones. */
export const attributeTypeOf = (kind: Kind): AttributeType => factOfKind.get(kind)?.type ?? 0;
/** The kind with this AttributeProto.AttributeType. */
export const attributeKindOf = (type: AttributeType): KindFact['kind'] | undefined =>
  factOfType.get(type)?.kind;

/** Whether a field of a proto2 message is there, be it with its default value. */
export const isPresent = (message: object, field: string): boolean =>
  Object.hasOwn(message, field) && (message as Record<string, unknown>)[field] !== undefined;

const holds = (proto: AttributeProto, { field, list }: KindFact): boolean =>
  list ? (proto[field] as readonly unknown[]).length > 0 : isPresent(proto, field);

/** How nested parts become ours. */
export interface AttributeReader {
  weight(proto: TensorProto): Weight;
  graph(proto: GraphProto): GraphId;
  /** Called before a message with tensors in it is kept as it is: they must not have been cut. */
  needWhole(): void;
}

/** Reads an attribute; `proto` is taken over and must not be used afterwards. */
export function readAttribute(proto: AttributeProto, reader: AttributeReader): Attribute {
  const { name } = proto;
  if (isPresent(proto, 'refAttrName') && proto.refAttrName !== '') {
    keepWhole(proto, reader);
    return { name, kind: 'reference', value: proto.refAttrName, residue: proto };
  }
  const held = kindFacts.filter((fact) => holds(proto, fact));
  let fact = factOfType.get(proto.type);
  // Files of IR version 1 have no type; others forget it.
  if (fact === undefined && held.length === 1) fact = held[0];
  // A message that the type promises and that is not there.
  if (fact !== undefined && !fact.list && !held.includes(fact) && !isScalar(fact)) fact = undefined;
  if (fact === undefined) {
    keepWhole(proto, reader);
    return { name, kind: 'undefined', value: undefined, residue: proto };
  }
  const canonical = isCanonical(proto, fact, held);
  const value = readValue(proto, fact, reader);
  if (canonical) return { name, kind: fact.kind, value } as Attribute;
  if (!isScalar(fact)) {
    if (fact.list) (proto as unknown as Record<string, unknown>)[fact.field] = [];
    else delete (proto as unknown as Record<string, unknown>)[fact.field];
  }
  keepWhole(proto, reader);
  return { name, kind: fact.kind, value, residue: proto } as Attribute;
}

const isScalar = ({ field }: KindFact): boolean => field === 'f' || field === 'i' || field === 's';

function isCanonical(proto: AttributeProto, fact: KindFact, held: readonly KindFact[]): boolean {
  return (
    proto.$unknown === undefined &&
    isPresent(proto, 'name') &&
    !isPresent(proto, 'docString') &&
    !isPresent(proto, 'refAttrName') &&
    isPresent(proto, 'type') &&
    proto.type === fact.type &&
    (fact.list
      ? held.length === 0 || (held.length === 1 && held[0] === fact)
      : held.length === 1 && held[0] === fact)
  );
}

function readValue(proto: AttributeProto, fact: KindFact, reader: AttributeReader): unknown {
  switch (fact.kind) {
    case 'tensor':
      return reader.weight(proto.t!);
    case 'tensors':
      return proto.tensors.map((tensor) => reader.weight(tensor));
    case 'graph':
      return reader.graph(proto.g!);
    case 'graphs':
      return proto.graphs.map((graph) => reader.graph(graph));
    default:
      return proto[fact.field];
  }
}

function keepWhole(residue: AttributeProto, reader: AttributeReader): void {
  if (residue.t ?? residue.g ?? residue.tensors[0] ?? residue.graphs[0]) reader.needWhole();
}

/** Fields of an AttributeProto, for `encode`. */
export function attributeDraft(attribute: Attribute, graphDraft: (graph: GraphId) => object): object {
  const { kind, residue } = attribute;
  if (kind === 'undefined') return residue === undefined ? { name: attribute.name } : named(attribute);
  if (kind === 'reference') {
    if (residue === undefined) return { name: attribute.name, refAttrName: attribute.value };
    return { ...named(attribute), refAttrName: attribute.value };
  }
  const fact = factOfKind.get(kind)!;
  const value = draftValue(attribute, graphDraft);
  if (residue === undefined) return { name: attribute.name, type: fact.type, [fact.field]: value };
  // The residue of a scalar keeps it: whether it is there at all is part of what the file said.
  if (isScalar(fact) && Object.is(residue[fact.field], attribute.value)) return named(attribute);
  return { ...named(attribute), [fact.field]: value };
}

function named(attribute: Attribute): object {
  const residue = attribute.residue!;
  return residue.name === attribute.name ? residue : { ...residue, name: attribute.name };
}

function draftValue(attribute: Attribute, graphDraft: (graph: GraphId) => object): unknown {
  switch (attribute.kind) {
    case 'tensor':
      return weightDraft(attribute.value);
    case 'tensors':
      return attribute.value.map(weightDraft);
    case 'graph':
      return graphDraft(attribute.value);
    case 'graphs':
      return attribute.value.map(graphDraft);
    default:
      return attribute.value;
  }
}
