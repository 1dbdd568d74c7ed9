import {
  attributeString,
  CORE,
  isCohort,
  type Model,
  type OpId,
  type Topology,
  type ValueId,
} from '../../../ir/index.ts';
import { variableOf } from '../../split/fragments.ts';
import { isCore, isGather, type PlacedGraph, placeOfValue } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { differences } from '../own.ts';
import { type Problem, rule } from '../rule.ts';

const model = (rest: string): string => `
import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('replicas', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const w = state('w', [0, 0, 0, 0], { at: phones.each });
  const trained = w.update((before) => before.add(x));
  const all = collect({ trained }, { at: server, within: '5s', atLeast: 1 });
  const mean = on(server, () => all.trained.reduceMean({ axes: [0], keepdims: false }));
  ${rest}
  output('y', mean);
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const divergingReplicas = rule('diverging-replicas', {
  level: 'info',
  needs: 'placed',
  summary:
    'members change a state from their own data or from the answers that came to each, and never make it equal again',
  rationale:
    'Each member of the cohort assigns the state from data that only it has, and the results are collected as if they were versions of one thing; yet no assignment takes a value from a common sender, so the versions drift apart. Or each assigns what it made of an exchange that is content with some answers, which may be others at another member, and no digest of it is exchanged that would show it. Right for personal models and local statistics: switch it off there.',
  *run({ model, graph, topology }) {
    const knows = whatValuesKnow(graph);
    const combined = whatIsCollected(graph);
    const states = new Map<string, { own?: OpId; common: boolean; combined: boolean }>();
    for (const op of model.opsOf()) {
      const [reads, assigns] = [isCore(op, CORE.stateRead), isCore(op, CORE.stateAssign)];
      if ((!reads && !assigns) || !isCohort(graph.places[graph.opPlace[op.id]!]!)) continue;
      const variable = variableOf(graph, op.id);
      const seen = states.get(variable) ?? { common: false, combined: false };
      const value = reads ? op.outputs[0]! : op.inputs[0]!;
      if (combined[value] === 1) seen.combined = true;
      if (assigns) {
        if ((knows[value]! & COMMON) !== 0) seen.common = true;
        else if ((knows[value]! & OWN) !== 0) seen.own ??= op.id;
      }
      states.set(variable, seen);
    }
    for (const { own, common, combined } of states.values()) {
      if (own === undefined || common || !combined) continue;
      const op = model.op(own);
      const { class: name } = graph.places[graph.opPlace[own]!]!;
      yield {
        message: `every ${name} changes ${attributeString(op, 'key')} by its own data, the results are combined, but none of them gets the combination`,
        hint: 'assign what the collecting peer makes of them, or let only changes travel',
        ...atOp(model, op),
      };
    }
    yield* fromOwnAnswers(graph, topology);
  },
  examples: {
    bad: { model: model(''), topology },
    good: { model: model('w.update((mine) => mean.orElse(mine));'), topology },
  },
});

const OWN = 1;
const COMMON = 2;

/** By value at a cohort: whether a member's own input, or a value from a one-member place, went into it. */
function whatValuesKnow(graph: PlacedGraph): Uint8Array {
  const { model, places } = graph;
  const knows = new Uint8Array(model.valueLimit);
  model.mainGraph.inputs.forEach((id, index) => {
    if (isCohort(places[graph.inputPlace[index]!]!)) knows[id] = OWN;
  });
  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1 || !isCohort(places[graph.opPlace[op.id]!]!)) continue;
    let flags = 0;
    for (const id of graph.needs[op.id]!) {
      flags |= isCohort(places[placeOfValue(graph, id)]!) ? knows[id]! : COMMON;
    }
    // Each member has a row of its own.
    if (isCore(op, CORE.scatter)) flags = OWN;
    for (const id of op.outputs) knows[id] = flags;
  }
  return knows;
}

/** By value at a cohort: 1 if it leads to a collect without leaving the cohort first. */
function whatIsCollected(graph: PlacedGraph): Uint8Array {
  const { model } = graph;
  const collected = new Uint8Array(model.valueLimit);
  for (const id of model.mainGraph.ops.toReversed()) {
    if (graph.constant[id] === 1) continue;
    const op = model.op(id);
    const leads = isGather(op) || op.outputs.some((value) => collected[value] === 1);
    if (leads) for (const value of graph.needs[id]!) collected[value] = 1;
  }
  return collected;
}

/** Assignments of what an exchange gave that was content with some answers, where no digest of it is compared. */
function* fromOwnAnswers(graph: PlacedGraph, topology: Topology): Iterable<Problem> {
  const { model } = graph;
  const joint = [...model.opsOf()].filter(
    (op) => isCore(op, CORE.stateAssign) && graph.places[graph.opPlace[op.id]!]!.binder.kind === 'each',
  );
  if (joint.length === 0) return;
  const { partial } = differences(graph, topology);
  const collected = whatIsCollected(graph);
  const compared = new Set(
    [...model.opsOf()]
      .filter((op) => isCore(op, CORE.digest) && collected[op.outputs[0]!] === 1)
      .map((op) => op.inputs[0]!),
  );
  for (const op of joint) {
    const through = partial.get(op.inputs[0]!);
    if (through === undefined || [...compared].some((id) => isMadeFrom(model, op.inputs[0]!, id))) continue;
    const key = attributeString(op, 'key');
    yield {
      message: `${key} is assigned what came of an exchange that is content with some answers: another member may have had others`,
      hint: `compare what they have, by digest(…).exchange(…), and get the majority’s where it differs; or let all answer`,
      ...atOp(model, op),
      related: [{ message: 'is content with some answers', at: model.op(through).at }],
    };
  }
}

/** Whether one is the other, or has gone into it or come of it by a when or an orElse. */
function isMadeFrom(model: Model, a: ValueId, b: ValueId): boolean {
  const core = (id: ValueId): ValueId => {
    const { def } = model.value(id);
    const op = def.kind === 'op' ? model.op(def.op) : undefined;
    const passes = op !== undefined && (isCore(op, CORE.when) || isCore(op, CORE.orElse));
    return passes ? core(op.inputs[0]!) : id;
  };
  return core(a) === core(b);
}
