// A constant that a collect, a scatter or a broadcast takes. Constants have no place and never cross, but a member's
// answer and its row do, even where all give the same; and a broadcast constant is already where it goes. A value that two
// fields of an answer have crosses twice, as the collect takes it.
//
//   rows, ones, senders, missing = Collect(y, one)       one@phone = OrElse(one, one) @phone.each
//   w' = Broadcast(w) @phone.each                    →   rows, ones, senders, missing = Collect(y, one@phone)
//                                                        w' = Identity(w) @phone.each

import {
  CORE,
  DOMAIN,
  isCohort,
  isMany,
  type Model,
  type Op,
  outerOf,
  type Place,
  placeKey,
  samePlace,
  type ValueId,
} from '../../ir/index.ts';
import { crossedBy } from '../crossed.ts';
import type { Placement } from '../pass.ts';
import { isCore, isGather, placedGraph } from './places.ts';
import { placeLabel } from './seats.ts';

interface Settled {
  readonly model: Model;
  readonly placement: Placement;
}

export function settleConstants(model: Model, placement: Placement): Settled {
  const withCopies = copyBroadcasts(model, placement);
  return answerWithConstants(withCopies, placement);
}

function copyBroadcasts(model: Model, placement: Placement): Model {
  const { isConstant } = placedGraph(model, placement);
  const found = [...model.opsOf()].filter(
    (op) => isCore(op, CORE.broadcast) && op.inputs.every((id) => isConstant(id)),
  );
  if (found.length === 0) return model;
  const editor = model.edit();
  for (const { id } of found) editor.setOp(id, { domain: '', type: 'Identity', attributes: [] });
  return editor.finish();
}

const hasTwice = (op: Op): boolean => isGather(op) && new Set(crossedBy(op)).size < crossedBy(op).length;

function answerWithConstants(model: Model, placement: Placement): Settled {
  const graph = placedGraph(model, placement);
  const takers = [...model.opsOf()].filter(
    (op) =>
      (isGather(op) || isCore(op, CORE.scatter)) &&
      (op.inputs.some((id) => graph.isConstant(id)) || hasTwice(op)),
  );
  if (takers.length === 0) return { model, placement };

  const editor = model.edit();
  const places = [...placement.ops];
  const order = [...model.mainGraph.ops];
  const answers = new Map<string, ValueId>();
  for (const op of takers) {
    const from = sendersOf(op);
    if (from === undefined) continue;
    const crossing = crossedBy(op);
    const answer = (id: ValueId, at: number): ValueId => {
      // An edge carries a value once: of a value that several fields have, each further one has a copy.
      const before = at < crossing.length ? crossing.slice(0, at).filter((one) => one === id).length : 0;
      if (!graph.isConstant(id) && before === 0) return id;
      const { name, type } = model.value(id);
      const again = before === 0 ? '' : `.${before + 1}`;
      const key = `${id}@${placeKey(from)}${again}`;
      let copy = answers.get(key);
      if (copy === undefined) {
        const label = placeLabel(
          graph,
          graph.places.findIndex((place) => samePlace(place, from)),
        );
        copy = editor.addValue(model.main, { name: `${name}@${label}${again}`, type });
        // An op of ours, since a plain one would be constant again.
        const made = { domain: DOMAIN.core, type: CORE.orElse, inputs: [id, id], outputs: [copy], at: op.at };
        const answering = editor.addOp(model.main, made);
        places[answering] = from;
        order.splice(order.indexOf(op.id), 0, answering);
        answers.set(key, copy);
      }
      return copy;
    };
    editor.setOp(op.id, { inputs: op.inputs.map(answer) });
  }
  editor.setGraph(model.main, { ops: order });
  return { model: editor.finish(), placement: { ...placement, ops: places } };

  /**
   * The cohort whose values it takes: that of another field, or where a constant expression was put. Of a scatter, any
   * place with one member will do.
   */
  function sendersOf(op: Op): Place | undefined {
    const { entry } = placement.ops[op.id]!;
    if (isCore(op, CORE.scatter))
      return (
        outerOf(placement.ops[op.id]!) ??
        graph.places.find((place) => !isMany(place) && place.entry === entry)
      );
    const placeOf = (id: ValueId): Place | undefined => {
      const { def } = model.value(id);
      if (def.kind === 'op') return placement.ops[def.op];
      return def.kind === 'input' ? placement.inputs[def.index] : undefined;
    };
    const inputs = [...op.inputs].sort((a, b) => Number(graph.isConstant(a)) - Number(graph.isConstant(b)));
    return inputs.map(placeOf).find((place) => place !== undefined && isCohort(place));
  }
}
