// Values that go to a place within another pass through the member that bound it.
//
//   w  @server                            w   @server
//   y = Mul(x, w)  @head/phone     →      w'  = OrElse(w, w)  @head
//                                         y   = Mul(x, w')  @head/phone
//
// So an edge only ever leads to a place beside, to one that its sender bound, or to who bound its sender.

import {
  areBeside,
  CORE,
  DOMAIN,
  isBoundAt,
  isMany,
  type Model,
  type OpId,
  outerOf,
  type Place,
  placeKey,
  reaches,
  type ValueId,
} from '../../ir/index.ts';
import type { Placement } from '../pass.ts';
import { replaceReads } from '../reads.ts';
import { isGather, type PlacedGraph, placedGraph, placeOfValue } from './places.ts';

export function relayValues(
  model: Model,
  placement: Placement,
): { readonly model: Model; readonly placement: Placement } {
  const graph = placedGraph(model, placement);
  if (!graph.places.some(({ within }) => within !== undefined)) return { model, placement };
  const editor = model.edit();
  const ops = [...placement.ops];
  const order: OpId[] = [];
  const relays = new Map<string, ValueId>();
  const relayed = (value: ValueId, home: Place, reader: Place): ValueId => {
    const around = outerOf(reader);
    if (around === undefined || isNext(home, reader) || (isMany(home) && !reaches(home, around)))
      return value;
    const key = `${value}@${placeKey(around)}`;
    const known = relays.get(key);
    if (known !== undefined) return known;
    const before = relayed(value, home, around);
    const { name, type } = model.value(value);
    const copy = editor.addValue(model.main, { name: `${name}@${around.class}`, type });
    // An op of the node's own: it takes values of any type as they are.
    const id = editor.addOp(model.main, {
      domain: DOMAIN.core,
      type: CORE.orElse,
      inputs: [before, before],
      outputs: [copy],
    });
    ops[id] = around;
    order.push(id);
    relays.set(key, copy);
    return copy;
  };

  for (const op of model.opsOf()) {
    const here = ops[op.id]!;
    const moved = here.within === undefined || isGather(op) ? [] : movedReads(graph, op.id, here, relayed);
    if (moved.length > 0) replaceReads(editor, model, op, new Map(moved));
    order.push(op.id);
  }
  if (relays.size === 0) return { model, placement };
  const { header } = editor;
  if (!header.opsets.has(DOMAIN.core))
    editor.header = { ...header, opsets: new Map([...header.opsets, [DOMAIN.core, 1]]) };
  editor.setGraph(model.main, { ops: order });
  return { model: editor.finish(), placement: { ...placement, ops } };
}

function movedReads(
  graph: PlacedGraph,
  op: OpId,
  here: Place,
  relayed: (value: ValueId, home: Place, reader: Place) => ValueId,
): (readonly [ValueId, ValueId])[] {
  if (graph.constant[op] === 1) return [];
  return graph.needs[op]!.flatMap((value) => {
    const copy = relayed(value, graph.places[placeOfValue(graph, value)]!, here);
    return copy === value ? [] : [[value, copy] as const];
  });
}

const isNext = (home: Place, reader: Place): boolean =>
  areBeside(home, reader) || isBoundAt(reader, home) || isBoundAt(home, reader);
