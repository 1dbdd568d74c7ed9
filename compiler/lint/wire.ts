// Both ends of every edge, as the programs have them.

import {
  DOMAIN,
  type Edge,
  type End,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import type { Deployment, Program } from '../pass.ts';
import { edgesOf } from '../passes/guard.ts';
import type { PlacedGraph } from '../split/places.ts';
import { whereMade } from './about.ts';
import type { Problem } from './rule.ts';

export interface WireEnd {
  readonly program: Program;
  readonly op: Op;
  readonly edge: number;
  /** What a send ships, or what a receive brings; absent on trigger edges without a value. */
  readonly value: ValueId | undefined;
}

export interface WireEnds {
  readonly sends: readonly WireEnd[];
  readonly receives: readonly WireEnd[];
}

export function wireEnds({ programs }: Pick<Deployment, 'programs'>): WireEnds {
  const sends: WireEnd[] = [];
  const receives: WireEnd[] = [];
  for (const program of programs) {
    for (const op of program.model.opsOf()) {
      if (op.domain !== DOMAIN.wire) continue;
      const isSend = op.type === WIRE.send;
      edgesOf(op).forEach((edge, index) => {
        const value = isSend ? op.inputs[0] : op.outputs[index];
        (isSend ? sends : receives).push({ program, op, edge, value });
      });
    }
  }
  return { sends, receives };
}

/** Values of the main graph by name: edges name what crosses. */
export function valuesByName({ model }: Pick<PlacedGraph, 'model'>): ReadonlyMap<string, ValueId> {
  const found = new Map<string, ValueId>();
  const add = (id: ValueId): void => void found.set(model.value(id).name, id);
  model.mainGraph.inputs.forEach(add);
  for (const op of model.opsOf()) for (const id of op.outputs) if (id !== NO_VALUE) add(id);
  return found;
}

/** Points at the line that makes what an edge carries. */
export function atEdge(
  { model }: { readonly model: Model },
  edge: Edge,
  values: ReadonlyMap<string, ValueId>,
): Pick<Problem, 'at' | 'value'> {
  const id = values.get(edge.value);
  const at = (id === undefined ? undefined : whereMade(model, id)) ?? { file: model.header.file };
  return edge.value === '' ? { at } : { at, value: edge.value };
}

export const edgeText = ({ id, from, to }: Edge): string => `edge ${id} (${endText(from)} → ${endText(to)})`;

const endText = ({ class: name, seat }: End): string => (seat === undefined ? name : `${name} ${seat}`);

/** The program without some of its ops; for examples of what the compiler never makes. */
export function withoutOps(program: Program, isGone: (op: Op) => boolean): Program {
  const editor = program.model.edit();
  const gone = new Set<OpId>();
  for (const op of program.model.opsOf()) if (isGone(op)) gone.add(op.id);
  for (const id of gone) editor.removeOp(id);
  const ops = program.model.mainGraph.ops.filter((id) => !gone.has(id));
  editor.setGraph(program.model.main, { ops });
  return { ...program, model: editor.finish() };
}
