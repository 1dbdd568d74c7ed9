import { attributeInt, attributeString, CORE, findAttribute, type Op, type OpId } from '../../../ir/index.ts';
import { fragmentLevels, isState, variableOf } from '../../split/fragments.ts';
import { isCore, type PlacedGraph } from '../../split/places.ts';
import { entryOps } from '../../split/seats.ts';
import { atOp, whereMade } from '../about.ts';
import { type Problem, rule } from '../rule.ts';

const model = (change: string): string => `
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('rounds', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const w = state('w', [0, 0, 0, 0], { at: server });
  const now = w.read();
  const delta = on(phones.each, () => x.sub(now));
  const all = collect({ delta }, { at: server, within: '10s', atLeast: 1 });
  const mean = on(server, () => all.delta.reduceMean({ axes: [0], keepdims: false }).orElse([0, 0, 0, 0]));
  ${change}
  output('step', on(server, () => mean.reduceSumSquare()));
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const lostUpdate = rule('lost-update', {
  level: 'warning',
  needs: 'bound',
  summary: 'state is read in one fragment and written from that in another',
  rationale:
    'Flows overlap. Between the read and the assignment another flow may assign, and what it did is overwritten. Fragments end where a value comes from another peer; update reads and assigns in one fragment. At the member where an entry lets one flow be open at a time (limit, by default 1), none overlap. Only values on whose way to the assignment the read lies are looked at.',
  *run({ graph }) {
    const alone = variablesOfOneFlow(graph);
    const levels = fragmentLevels(graph, () => {});
    const { model } = graph;
    const reads = new Map<string, OpId[]>();
    const assigned = new Map<string, Set<number>>();
    for (const op of model.opsOf()) {
      if (isState(op) && alone.has(variableOf(graph, op.id))) continue;
      if (isCore(op, CORE.stateRead)) {
        const variable = variableOf(graph, op.id);
        reads.set(variable, [...(reads.get(variable) ?? []), op.id]);
      } else if (overwrites(op)) {
        const variable = variableOf(graph, op.id);
        assigned.set(variable, (assigned.get(variable) ?? new Set()).add(levels[op.id]!));
      }
    }
    for (const [variable, ops] of reads) {
      for (const read of ops) {
        const elsewhere = [...(assigned.get(variable) ?? [])].some((level) => level !== levels[read]);
        if (elsewhere) yield* reachedAssignments(graph, levels, read, variable);
      }
    }
  },
  examples: {
    bad: { model: model('w.assign(on(server, () => now.add(mean)));'), topology },
    good: { model: model('w.update((latest) => latest.add(mean));'), topology },
  },
});

/**
 * Variables that one flow at a time assigns: those of places where flows start that an entry lets follow each other one by
 * one, unless another seat of the class assigns them too. At other places flows may lag behind, whose answers are late.
 */
function variablesOfOneFlow(graph: PlacedGraph): ReadonlySet<string> {
  const { model, opPlace, places } = graph;
  const seatsOf = new Map<string, Set<number>>();
  const keyOf = (op: Op): string => `${places[opPlace[op.id]!]!.class} ${attributeString(op, 'key')}`;
  for (const op of model.opsOf()) {
    if (!isCore(op, CORE.stateAssign)) continue;
    seatsOf.set(keyOf(op), (seatsOf.get(keyOf(op)) ?? new Set()).add(opPlace[op.id]!));
  }
  const starts = new Set(
    [...entryOps(model).values()]
      .filter((op) => attributeInt(op, 'limit', 1) === 1)
      .map(({ id }) => opPlace[id]!),
  );
  const alone = [...model.opsOf()].filter(
    (op) => isState(op) && starts.has(opPlace[op.id]!) && (seatsOf.get(keyOf(op))?.size ?? 0) <= 1,
  );
  return new Set(alone.map((op) => variableOf(graph, op.id)));
}

/** An update applies its change to what is there then, whatever was read before. */
const overwrites = (op: Op): boolean =>
  isCore(op, CORE.stateAssign) && findAttribute(op, 'update') === undefined;

/** Assignments of the variable in other fragments that the read leads to, with the way there. */
function* reachedAssignments(
  graph: PlacedGraph,
  levels: Int32Array,
  read: OpId,
  variable: string,
): Iterable<Problem> {
  const { model } = graph;
  const from = new Map<OpId, OpId | undefined>([[read, undefined]]);
  for (const at of from.keys()) {
    const op = model.op(at);
    if (overwrites(op) && levels[at] !== levels[read] && variableOf(graph, at) === variable) {
      yield lost(graph, read, at, from);
    }
    for (const value of op.outputs) {
      for (const use of model.uses(value)) {
        if (use.kind !== 'op' || from.has(use.op) || model.op(use.op).graph !== model.main) continue;
        from.set(use.op, at);
      }
    }
  }
}

function lost(
  graph: PlacedGraph,
  read: OpId,
  assign: OpId,
  from: ReadonlyMap<OpId, OpId | undefined>,
): Problem {
  const { model, places, opPlace } = graph;
  const key = attributeString(model.op(assign), 'key') ?? '';
  const way: OpId[] = [];
  for (let at = from.get(assign); at !== undefined; at = from.get(at)) way.unshift(at);
  const crossing = way.find((id) => opPlace[id] !== opPlace[read]);
  const away = crossing === undefined ? 'other peers' : places[opPlace[crossing]!]!.class;
  return {
    message: `${key} is assigned from what was read of it before ${away} answered: what another flow assigned in between is lost`,
    hint: `let only the change travel, and apply it with update: ${key.split('.').at(-1)}.update((latest) => …)`,
    ...atOp(model, model.op(assign)),
    related: way.map((id, index) => ({
      message: index === 0 ? `${key} is read` : `${model.op(id).type} at ${places[opPlace[id]!]!.class}`,
      at: whereMade(model, model.op(id).outputs[0]!),
    })),
  };
}
