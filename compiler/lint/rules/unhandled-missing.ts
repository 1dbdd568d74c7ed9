import {
  attributeInt,
  attributeString,
  CORE,
  componentOf,
  type Model,
  type OpId,
  type Topology,
  type ValueId,
} from '../../../ir/index.ts';
import { isAsk } from '../../split/calls.ts';
import { isCore, isGather, type PlacedGraph, placeOfValue } from '../../split/places.ts';
import { atOp, atValue, whereMade } from '../about.ts';
import { type Problem, rule } from '../rule.ts';

const model = (assigned: string): string => `
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('latest', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const all = collect({ x }, { at: server, within: '5s', atLeast: 2 });
  const mean = on(server, () => all.x.reduceMean({ axes: [0], keepdims: false }));
  const latest = state('latest', [0, 0, 0, 0], { at: server });
  latest.assign(${assigned});
  output('y', mean);
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const unhandledMissing = rule('unhandled-missing', {
  level: 'warning',
  needs: 'placed',
  summary:
    'a collect or an answer that may be missing is the only way to state, to the next flow, or to an output that needs every member',
  rationale:
    'A collect or exchange with too few answers is missing, as is what a component that is asked does not answer in time, and so is all that is computed from it. An assignment of a missing value voids its whole fragment: what else it assigns and sends is lost too. A next whose condition or argument is missing starts no flow: the session ends without a word. An output that needs the answer of every member is missing as soon as one of them is gone. A present, a when that asks present, or an orElse on the way settles it, and so does an atLeast before an output.',
  *run({ model, graph, topology }) {
    const missing = whatMayBeMissing(graph);
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.stateAssign)) continue;
      const way = wayTo(model, missing, op.inputs[0]!);
      if (way.length === 0) continue;
      const key = attributeString(op, 'key') ?? '';
      yield {
        message: `${key} is assigned a value that is missing if ${cause(graph, way[0]!)}: then the whole fragment is void`,
        hint: 'assign value.when(value.present()), or value.orElse(…)',
        ...atOp(model, op),
        related: steps(model, way),
      };
    }
    for (const op of model.opsOf()) {
      if (!isCore(op, CORE.next)) continue;
      const way = op.inputs.map((id) => wayTo(model, missing, id)).find((one) => one.length > 0);
      if (way === undefined) continue;
      const entry = attributeString(op, 'entry') ?? '';
      yield {
        message: `next('${entry}') is given a value that is missing if ${cause(graph, way[0]!)}: then the session ends`,
        hint: 'give it a condition and arguments that are always there, by orElse(…) or present()',
        ...atOp(model, op),
        related: steps(model, way),
      };
    }
    for (const output of new Set(model.mainGraph.outputs)) {
      const way = wayTo(model, missing, output);
      if (way.length === 0 || !needsAll(graph, topology, way[0]!)) continue;
      yield {
        message: `output ${model.value(output).name} is missing as soon as one member does not answer`,
        hint: 'say how many answers are enough (atLeast), or what to give instead (orElse)',
        ...atValue(model, output),
        related: steps(model, way),
      };
    }
  },
  examples: {
    bad: { model: model('mean'), topology },
    good: { model: model('mean.when(mean.present())'), topology },
  },
});

/** By value: the op through which it can become missing for want of answers. */
function whatMayBeMissing(graph: PlacedGraph): ReadonlyMap<ValueId, OpId> {
  const { model } = graph;
  const missing = new Map<ValueId, OpId>();
  /** Values that tell whether something is there, and what is computed from them. */
  const asks = new Set<ValueId>();
  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const needs = graph.needs[op.id]!;
    const [first, second] = op.inputs;
    let may = needs.some((id) => missing.has(id));
    if (isGather(op)) may ||= attributeInt(op, 'at_least') !== 0;
    else if (isAsk(op)) may = true;
    else if (isCore(op, CORE.present) || isCore(op, CORE.reason)) may = false;
    else if (isCore(op, CORE.orElse)) may = missing.has(second!);
    else if (isCore(op, CORE.when)) may = !asks.has(second!) && (missing.has(first!) || missing.has(second!));
    const told = isCore(op, CORE.present) || needs.some((id) => asks.has(id));
    for (const id of op.outputs) {
      if (may) missing.set(id, op.id);
      if (told) asks.add(id);
    }
  }
  return missing;
}

/** Ops from the first collect whose missing result makes `id` missing; empty if nothing does. */
function wayTo(model: Model, missing: ReadonlyMap<ValueId, OpId>, id: ValueId): readonly OpId[] {
  const way: OpId[] = [];
  for (let op = missing.get(id); op !== undefined; ) {
    way.unshift(op);
    op = model
      .op(op)
      .inputs.map((input) => missing.get(input))
      .find((one) => one !== undefined);
  }
  return way;
}

function needsAll(graph: PlacedGraph, topology: Topology, id: OpId): boolean {
  const op = graph.model.op(id);
  const input = op.inputs.find((one) => !graph.isConstant(one));
  if (!isGather(op) || input === undefined) return false;
  const from = graph.places[placeOfValue(graph, input)]!.class;
  const size = topology.classes.find((one) => one.name === from)!.members.length;
  // More than there are is another rule's.
  return size > 1 && attributeInt(op, 'at_least', size) === size;
}

const steps = (model: Model, way: readonly OpId[]): Problem['related'] =>
  way.map((id) => {
    const { type, outputs } = model.op(id);
    const name = model.value(outputs[0]!).name;
    return { message: `${name} (${type}) is then missing`, at: whereMade(model, outputs[0]!) };
  });

const cause = ({ model }: PlacedGraph, id: OpId): string =>
  isAsk(model.op(id)) ? `${componentOf(model.op(id))} does not answer` : 'too few members answer';
