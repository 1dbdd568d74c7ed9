// How many bytes a value of a flow takes at most, where its type leaves that open because a set of peers says how many
// rows it has: then there are no more of them than members of the class, or than the author takes.
//
//   x: float32[8]@phone.each    rows, senders, missing = Collect(x)   →   rows: float32[100, 8] where there are 100 phones

import {
  attributeInt,
  attributeString,
  byteLengthOf,
  byteLengthOfType,
  CORE,
  capturesOf,
  type Dim,
  DOMAIN,
  formatType,
  type Members,
  type Model,
  type Op,
  type Shape,
  tensorType,
  type Value,
  type ValueId,
  type ValueType,
} from '../../ir/index.ts';
import { crossedBy } from '../crossed.ts';
import { inferModel } from '../infer/infer.ts';
import { isGather, type PlacedGraph, placeOfValue } from '../split/places.ts';

export interface Sizes {
  /** Of a value of a program, known by its name; a text says what is open. */
  bytesOf(value: Pick<Value, 'name' | 'type'>): number | string;
  /** Its shape at most, as far as it is known. */
  shapeOf(value: Pick<Value, 'name' | 'type'>): Shape;
}

/** Ops that give no other strings than they are given. */
const MAKES_STRINGS: ReadonlySet<string> = new Set(['Cast', 'StringConcat', 'StringNormalizer']);
/** `cancelled`, `declined`. */
const REASON_BYTES = 16;

/** How many answers a collect stacks at most, of so many members. */
export const rowsOf = (op: Pick<Op, 'attributes'>, members: number): number =>
  Math.min(members, attributeInt(op, 'enough', members));

export function sizesOf(graph: PlacedGraph, members: Members): Sizes {
  const model = withMostRows(graph, members);
  const idBytes = Math.max(...Object.values(members).flat().map(utf8Bytes));
  const ids = valuesOfIds(model);
  const byName = new Map<string, Value>();
  for (const value of model.allValues()) if (value.graph === model.main) byName.set(value.name, value);
  /** In the whole computation; a seat that is not the first to have it has it under a name of its own. */
  const known = ({
    name,
    type,
  }: Pick<Value, 'name' | 'type'>): Pick<Value, 'name' | 'type'> & { id?: ValueId } =>
    byName.get(name) ?? byName.get(name.slice(0, Math.max(0, name.lastIndexOf('@')))) ?? { name, type };
  return {
    bytesOf(value) {
      const closed = byteLengthOfType(value.type);
      if (closed !== undefined) return closed;
      const { id, type } = known(value);
      const count = countOf(type);
      if (count !== undefined && id !== undefined && ids.has(id))
        return count * (4 + Math.max(idBytes, REASON_BYTES));
      return byteLengthOfType(type) ?? `the size of ${value.name}, ${formatType(value.type)}, is open`;
    },
    shapeOf(value) {
      const { type } = known(value);
      return type?.kind === 'tensor' ? type.dims : undefined;
    },
  };
}

const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length;

function countOf(type: ValueType | undefined): number | undefined {
  if (type?.kind !== 'tensor' || type.dtype !== 'string') return undefined;
  let count = 1;
  for (const dim of type.dims ?? [null]) {
    if (typeof dim !== 'number') return undefined;
    count *= dim;
  }
  return count;
}

/** The model with as many rows as there can be wherever a set of peers decides. */
function withMostRows(graph: PlacedGraph, members: Members): Model {
  const { model } = graph;
  const all = Math.max(...Object.values(members).map((list) => list.length));
  const editor = model.edit();
  const counted = new Set<ValueId>();
  const put = (id: ValueId | undefined, type: ValueType | undefined): void => {
    if (id === undefined || id === 0) return;
    editor.setValue(id, { type });
    counted.add(id);
  };
  const stack = (id: ValueId | undefined, rows: number): void => {
    const type = id === undefined || id === 0 ? undefined : model.value(id).type;
    if (type?.kind === 'tensor' && type.dims !== undefined)
      put(id, tensorType(type.dtype, [rows, ...type.dims.slice(1)]));
  };
  for (const op of model.opsOf()) {
    const { outputs } = op;
    if (isGather(op)) {
      const values = crossedBy(op);
      const [sent] = values;
      const place = graph.places[placeOfValue(graph, sent!)]!;
      const count = members[place.class]?.length ?? 0;
      for (const field of values.keys()) stack(outputs[field], rowsOf(op, count));
      for (const id of outputs.slice(values.length)) stack(id, count);
    } else if (op.domain === DOMAIN.core && op.type === CORE.view)
      stack(outputs[0], members[attributeString(op, 'class') ?? '']?.length ?? all);
    else if (op.domain === DOMAIN.core && op.type === CORE.first) stack(outputs[0], 1);
    else if (op.domain === DOMAIN.core && op.type === CORE.positions) stack(outputs[0], all);
    else if (op.domain !== '' && outputs.length === 1 && isSetOfPeers(model.value(outputs[0]!).type))
      stack(outputs[0], all);
  }
  // What follows from them is found out anew.
  for (const op of model.opsOf()) {
    if (![...op.inputs, ...capturesOf(model, op)].some((id) => counted.has(id))) continue;
    for (const id of op.outputs) {
      if (id === 0 || counted.has(id)) continue;
      const { type } = model.value(id);
      counted.add(id);
      if ((op.domain === '' || op.domain === DOMAIN.core) && isOpen(type))
        editor.setValue(id, { type: undefined });
    }
  }
  return counted.size === 0 ? model : inferModel(editor.finish()).model;
}

const isOpen = (type: ValueType | undefined): boolean =>
  type?.kind === 'tensor' && type.dims?.every((dim: Dim) => typeof dim === 'number') !== true;

const isSetOfPeers = (type: ValueType | undefined): boolean =>
  type?.kind === 'tensor' &&
  type.dtype === 'string' &&
  type.dims?.length === 1 &&
  typeof type.dims[0] !== 'number';

/** Strings that are ids of peers, or why a value is missing: as long as those are. */
function valuesOfIds(model: Model): ReadonlySet<ValueId> {
  const found = new Set<ValueId>();
  const isString = (id: ValueId): boolean => {
    const type = id === 0 ? undefined : model.value(id).type;
    return type?.kind === 'tensor' && type.dtype === 'string';
  };
  for (const op of model.opsOf()) {
    const strings = op.inputs.filter(isString);
    const moves = op.domain === DOMAIN.core || (op.domain === '' && strings.length > 0);
    if (op.domain === '' && !moves) continue;
    if (MAKES_STRINGS.has(op.type) || !strings.every((id) => found.has(id) || isConstantOfIds(model, id)))
      continue;
    for (const id of op.outputs) if (isString(id)) found.add(id);
  }
  return found;
}

/** An empty set of peers, as states of sets begin. */
const isConstantOfIds = (model: Model, id: ValueId): boolean => {
  const { weight } = model.value(id);
  return (
    weight !== undefined &&
    byteLengthOf(
      'bool',
      weight.dims.reduce((a, b) => a * b, 1),
    ) === 0
  );
};
