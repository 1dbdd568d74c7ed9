// float16 values that a cut would round cross as float32.
//
//   phone:  y = Conv(x, w)        phone:  y = Conv(x, w); y@float32 = Cast<to = float32>(y)
//   server: z = Conv(y, v)    →   server: y = Cast<to = float16>(y@float32); z = Conv(y, v)
//
// A backend without float16 kernels computes on in float32 from op to op and rounds only what leaves a session
// (see `isRoundedByCut`). It drops most such pairs of casts, so the cut graph rounds where the whole one does. One
// exception is known: at ONNX Runtime's level 'disabled', a value that both a Shape and a Cast read. Widening costs
// bytes; whoever prefers fewer bytes to the same bits chooses a codec for the edge.

import {
  type Attribute,
  attributeInt,
  CORE,
  elemTypeOf,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type Topology,
  tensorType,
  type ValueId,
} from '../../ir/index.ts';
import { boundaryOf, isRoundedByCut, mayWiden } from '../handover.ts';
import type { Placement } from '../pass.ts';
import { isCore, type PlacedGraph, type PlaceNumber, placedGraph, placeOfValue } from './places.ts';

const castTo = (dtype: 'float16' | 'float32'): readonly Attribute[] => [
  { name: 'to', kind: 'int', value: BigInt(elemTypeOf(dtype)) },
];

export function widenCrossings(
  model: Model,
  placement: Placement,
  topology: Topology,
): { readonly model: Model; readonly placement: Placement } {
  const graph = placedGraph(model, placement);
  const wide = crossingValues(graph, topology);
  if (wide.size === 0) return { model, placement };

  const editor = model.edit();
  const ops = [...placement.ops];
  const order: OpId[] = [];
  /** The float16 form of a value at a place other than its own. */
  const narrow = new Map<string, ValueId>();
  const wideOf = new Map<ValueId, ValueId>();
  const at = (value: ValueId, place: PlaceNumber): ValueId => narrow.get(`${value}@${place}`) ?? value;
  const cast = (from: ValueId, to: ValueId, dtype: 'float16' | 'float32', place: PlaceNumber): void => {
    const id = editor.addOp(model.main, {
      type: 'Cast',
      inputs: [from],
      outputs: [to],
      attributes: castTo(dtype),
    });
    ops[id] = graph.places[place]!;
    order.push(id);
  };

  for (const op of model.opsOf()) {
    const here = graph.opPlace[op.id]!;
    if (op.inputs.some((value) => at(value, here) !== value)) {
      // A reader that widens by itself takes the wide value: rounding it in between would be ours alone.
      const read = widens(op) ? (value: ValueId) => wideOf.get(value)! : (value: ValueId) => at(value, here);
      editor.setOp(op.id, { inputs: op.inputs.map(read) });
    }
    order.push(op.id);
    for (const output of op.outputs) {
      const readers = output === NO_VALUE ? undefined : wide.get(output);
      if (readers === undefined) continue;
      const { name, type } = model.value(output);
      const dims = type?.kind === 'tensor' ? type.dims : undefined;
      const sent = editor.addValue(model.main, {
        name: `${name}@float32`,
        type: tensorType('float32', dims),
      });
      cast(output, sent, 'float32', here);
      wideOf.set(output, sent);
      for (const place of readers) {
        // The same name as over here: they are in one program only as two seats, whose names are kept apart.
        const received = editor.addValue(model.main, { name, type });
        cast(sent, received, 'float16', place);
        narrow.set(`${output}@${place}`, received);
      }
    }
  }
  const outputs = model.mainGraph.outputs.map((value, index) => at(value, graph.outputPlace[index]!));
  editor.setGraph(model.main, { ops: order, outputs });
  return { model: editor.finish(), placement: { ...placement, ops } };
}

const widens = (op: Op): boolean =>
  op.domain === '' && op.type === 'Cast' && attributeInt(op, 'to') === elemTypeOf('float32');

/** Values to send wider, and the places that read them. */
function crossingValues(graph: PlacedGraph, topology: Topology): Map<ValueId, readonly PlaceNumber[]> {
  const { model } = graph;
  const found = new Map<ValueId, Set<PlaceNumber>>();
  // Who makes it rounds it.
  const boundaries = graph.places.map((place) => boundaryOf(topology, [place.class]));
  const read = (value: ValueId, place: PlaceNumber): void => {
    if (graph.isConstant(value)) return;
    const home = placeOfValue(graph, value);
    if (home === place || !isRoundedByCut(model, boundaries[home]!, value) || !mayWiden(model, value)) return;
    found.set(value, (found.get(value) ?? new Set()).add(place));
  };
  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    // Rows are cut from what the sender has.
    if (isCore(op, CORE.scatter)) continue;
    for (const value of graph.needs[op.id]!) read(value, graph.opPlace[op.id]!);
  }
  model.mainGraph.outputs.forEach((value, index) => {
    read(value, graph.outputPlace[index]!);
  });
  return new Map([...found].map(([value, places]) => [value, [...places].sort((a, b) => a - b)]));
}
