// What the author said: places written on ops and inputs, then the topology's rules, the first that matches.

import { excerptAt, nearestName, offsetAt } from '../../ir/excerpt.ts';
import {
  type Diagnostic,
  type DiagnosticContext,
  describeOp,
  diagnostic,
  each,
  type Model,
  type OpId,
  type PeerClass,
  type Place,
  single,
  type Topology,
  type ValueId,
} from '../../ir/index.ts';
import type { Dataflow } from '../dataflow.ts';
import { compileRule } from '../rules/rule.ts';
import type { PlaceReason } from './reasons.ts';

/** Places as far as they are known; each step adds to it and changes none. */
export interface Known {
  /** By OpId. */
  readonly ops: (Place | undefined)[];
  readonly inputs: Map<ValueId, Place>;
  /** By OpId: why each is where it is. */
  readonly reasons: (PlaceReason | undefined)[];
}

/** Gives an op that has no place one, and says why. */
export function settle(known: Known, op: OpId, place: Place, reason: PlaceReason): void {
  known.ops[op] = place;
  known.reasons[op] = reason;
}

/** Annotations and rules of the main graph's ops and inputs. Reports classes that do not exist or do not fit. */
export function authoredPlaces(
  flow: Dataflow,
  topology: Topology,
  report: (problem: Diagnostic) => void,
): Known {
  const { model } = flow;
  const known: Known = {
    ops: new Array(model.opLimit),
    inputs: new Map(),
    reasons: new Array(model.opLimit),
  };
  const judged = new Map<string, boolean>();
  const accept = (place: Place, context: DiagnosticContext): boolean => {
    const key = `${place.class} ${place.binder.kind}`;
    let good = judged.get(key);
    if (good === undefined) {
      const problem = misfit(place, topology, context);
      if (problem !== undefined) report(problem);
      good = problem === undefined;
      judged.set(key, good);
    }
    return good;
  };
  for (const op of model.opsOf()) {
    if (op.place === undefined) continue;
    if (accept(op.place, { op: describeOp(model, op), at: op.at }))
      settle(known, op.id, op.place, { kind: 'author' });
  }
  for (const id of model.mainGraph.inputs) {
    const { name, place, at } = model.value(id);
    if (place !== undefined && accept(place, { value: name, at })) known.inputs.set(id, place);
  }
  applyRules(model, topology, known, report);
  return known;
}

function misfit(place: Place, topology: Topology, context: DiagnosticContext): Diagnostic | undefined {
  const found = topology.classes.find((one) => one.name === place.class);
  if (found === undefined) {
    const names = topology.classes.map((one) => one.name);
    const args = { name: place.class, nearest: nearestName(place.class, names), known: names };
    return diagnostic('BB416', args, context);
  }
  if (place.binder.kind === 'single' && found.members.length > 1) {
    return diagnostic('BB417', { name: found.name, members: found.members.length }, context);
  }
  return undefined;
}

/** The topology's rules, ready to be asked, with the place each names. */
export const rulesOf = (topology: Topology) =>
  topology.rules.map((rule) => ({
    ...compileRule(rule),
    place: placeOf(topology.classes.find((one) => one.name === rule.on)!),
  }));

function applyRules(
  model: Model,
  topology: Topology,
  known: Known,
  report: (problem: Diagnostic) => void,
): void {
  const rules = rulesOf(topology).map((rule) => ({ ...rule, used: false }));
  if (rules.length === 0) return;
  for (const op of model.opsOf()) {
    // A rule that matches only what is placed already, or what an earlier rule took, is still about something.
    for (const rule of rules) {
      if (known.ops[op.id] !== undefined && rule.used) continue;
      if (!rule.matches(op, model)) continue;
      rule.used = true;
      if (known.ops[op.id] === undefined) settle(known, op.id, rule.place, { kind: 'rule', rule: rule.rule });
    }
  }
  for (const { rule, used } of rules) {
    if (used) continue;
    const start = offsetAt(topology.text, rule.at.line ?? 1, rule.at.column ?? 1);
    const excerpt = topology.text === '' ? undefined : excerptAt(topology.text, start, rule.where.length + 2);
    report(diagnostic('BB410', { rule: JSON.stringify(rule.where) }, { at: rule.at, excerpt }));
  }
}

/** The place a class's name alone stands for. */
export const placeOf = (found: PeerClass): Place => (found.cohort ? each(found.name) : single(found.name));

/** Ops of the main graph still without a place, constant expressions left out. */
export const unplaced = (flow: Dataflow, known: Known): readonly OpId[] =>
  flow.steps.filter((op) => known.ops[op.id] === undefined).map((op) => op.id);
