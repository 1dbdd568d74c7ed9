// Gives every op of the main graph, every input and every output a place.
//
//   before   x → Conv → Relu@phone → MatMul → y       topology: phone, server
//   after    x@phone → Conv@phone → Relu@phone → MatMul@server → y@server
//
// In this order, each adding to what is known: the author's annotations, the topology's rules (the first that
// matches), values that may not cross, groups enclosed by one place, and the contiguous cut of what is left.
// Constant expressions decide nothing and follow their readers: the split copies them anyway. An If that has places
// inside lies open for it (placing/branches.ts).

import {
  CORE,
  type CutReason,
  type Diagnostic,
  diagnostic,
  hasErrors,
  isMany,
  type Model,
  type OpId,
  type Place,
  single,
  type ValueId,
} from '../../ir/index.ts';
import { type CostModel, costModel } from '../cost.ts';
import { type Dataflow, dataflow } from '../dataflow.ts';
import { boundaryOf, mayCross } from '../handover.ts';
import { nominalModel } from '../nominal.ts';
import { contiguousParts, placeByParts, singleOpParts } from '../parts.ts';
import { type Pass, type PassContext, type Placement, pass } from '../pass.ts';
import { authoredPlaces, type Known, placeOf, settle, unplaced } from '../placing/authored.ts';
import {
  type ForwardOf,
  followForward,
  forwardOpOf,
  placeWaiting,
  waitingSteps,
} from '../placing/backward.ts';
import { closeBranches, unfoldBranches } from '../placing/branches.ts';
import { cutChain } from '../placing/chain.ts';
import { sharesAbove } from '../placing/memory.ts';
import { fillEnclosed, followData, isCore, pinUncrossable, readersOf } from '../placing/propagate.ts';
import { pointAt } from '../point.ts';
import { formatBytes } from '../units.ts';

/** Places by rules, propagation and cost. */
export const place: Pass = pass('place', {
  needs: 'simplified',
  gives: 'placed',
  run: (compilation, cx) => {
    const problems: Diagnostic[] = [];
    const unfolded = unfoldBranches(compilation.model, cx.topology, (problem) => problems.push(problem));
    problems.forEach(cx.report);
    if (hasErrors(problems)) return compilation;
    const { forwardOf = new Map() } = compilation;
    const found = placeModel(dataflow(unfolded.model, boundaryOf(cx.topology)), cx, forwardOf);
    if (found === undefined) return compilation;
    const { model, placement } = closeBranches(unfolded, found);
    return { ...compilation, model: marked(model, placement), level: 'placed', placement };
  },
});

/** Places by the number of ops alone, whatever the author said: equal parts over the classes, or one op each. */
export const placeInParts = (split: 'equal' | 'every'): Pass =>
  pass('place', {
    needs: 'simplified',
    gives: 'placed',
    run: (compilation, cx) => {
      const { model } = compilation;
      const classes = cx.topology.classes.map((one) => one.name);
      const boundary = boundaryOf(cx.topology);
      const parts =
        split === 'every' ? singleOpParts(model, boundary) : contiguousParts(model, classes.length, boundary);
      return { ...compilation, level: 'placed', placement: placeByParts(model, parts, classes, boundary) };
    },
  });

/** The model with every op's place written on it, for printed text and emitted metadata. */
function marked(model: Model, placement: Placement): Model {
  const editor = model.edit();
  for (const op of model.opsOf()) {
    const place = placement.ops[op.id];
    if (op.place !== place) editor.setOp(op.id, { place });
  }
  return editor.finish();
}

function placeModel(flow: Dataflow, cx: PassContext, forwardOf: ForwardOf): Placement | undefined {
  const { model } = flow;
  const problems: Diagnostic[] = [];
  const report = (problem: Diagnostic): void => {
    problems.push(problem);
    cx.report(problem);
  };
  const known = authoredPlaces(flow, cx.topology, report);
  if (hasErrors(problems)) return undefined;
  const ends = endPlaces(cx);
  // A private value that its author put nowhere stays where inputs enter.
  for (const id of model.mainGraph.inputs) {
    if (model.value(id).private === true && !known.inputs.has(id)) known.inputs.set(id, ends.first);
  }
  const cuts = placeRest(flow, cx, known, forwardOf, report);
  if (hasErrors(problems)) return undefined;
  placeConstants(flow, known, ends);
  const placement = {
    ops: known.ops,
    inputs: model.mainGraph.inputs.map((id) => known.inputs.get(id) ?? ends.first),
    outputs: model.mainGraph.outputs.map((id) => outputPlace(flow, known, id, ends.last)),
    reasons: known.reasons,
    cuts,
  };
  checkMemory(flow, cx, known, report);
  return hasErrors(problems) ? undefined : placement;
}

/** Work and bytes at nominal sizes; memory as surely known, since its limits are hard. */
function placingCosts(model: Model): CostModel {
  const { operations, transferBytes } = costModel(nominalModel(model));
  return { operations, transferBytes, heldBytes: costModel(model).heldBytes };
}

/** An op weighs as much as it does with what computes its gradient, which will be beside it. */
function costsWithGradients(cost: CostModel, flow: Dataflow, forwardOf: ForwardOf): CostModel {
  if (forwardOf.size === 0) return cost;
  const more = new Map<OpId, number>();
  for (const op of flow.steps) {
    const forward = forwardOpOf(forwardOf, op.id);
    if (forward !== undefined) more.set(forward, (more.get(forward) ?? 0) + cost.operations(op));
  }
  return { ...cost, operations: (op) => cost.operations(op) + (more.get(op.id) ?? 0) };
}

interface Ends {
  readonly first: Place;
  readonly last: Place;
}

/** Where inputs enter and outputs leave that nobody placed: the outermost one-member classes. */
function endPlaces({ topology }: PassContext): Ends {
  const singles = topology.classes.filter((one) => !one.cohort);
  const classes = singles.length > 0 ? singles : topology.classes;
  return { first: placeOf(classes[0]!), last: placeOf(classes.at(-1)!) };
}

function placeRest(
  flow: Dataflow,
  cx: PassContext,
  known: Known,
  forwardOf: ForwardOf,
  report: (problem: Diagnostic) => void,
): readonly CutReason[] {
  const { classes } = cx.topology;
  const readers = readersOf(flow);
  const singles = classes.filter((one) => !one.cohort);
  const anyPlaced = known.inputs.size > 0 || known.ops.some((one) => one !== undefined);
  followForward(flow, known, forwardOf);
  if (anyPlaced) pinUncrossable(flow, known, readers);
  // State, cohorts and entries are about who computes, so nothing is moved for the sake of cost.
  const byMeaning =
    known.ops.some((one) => one !== undefined && isMany(one)) ||
    [...known.inputs.values()].some(isMany) ||
    flow.steps.some((op) => [CORE.stateRead, CORE.stateAssign, CORE.invoke].some((type) => isCore(op, type)));
  if (byMeaning) {
    followData(flow, known, readers, new Set(forwardOf.keys()));
    followForward(flow, known, forwardOf);
    followData(flow, known, readers);
  } else if (anyPlaced) fillEnclosed(flow, known, readers);
  const rest = unplaced(flow, known);
  // With nothing to place and nothing placed, the topology's peers still want an op each: the cut refuses.
  if (rest.length === 0 && (flow.steps.length > 0 || singles.length <= 1)) return [];
  if (singles.length === 0) {
    if (classes.length > 1)
      report(diagnostic('BB415', { ops: rest.length }, pointAt(cx.topology, ['classes'])));
    for (const op of rest) settle(known, op, placeOf(classes[0]!), { kind: 'rest' });
  } else if (byMeaning) {
    for (const op of rest) settle(known, op, single(singles[0]!.name), { kind: 'rest' });
  } else {
    const waiting = waitingSteps(flow, known, forwardOf);
    const cost = costsWithGradients(placingCosts(flow.model), flow, forwardOf);
    const outcome = cutChain(flow, cost, cx.topology, known, readers, waiting);
    if ('problem' in outcome) report(outcome.problem);
    else {
      placeWaiting(flow, known, forwardOf, waiting, single(singles[0]!.name));
      return outcome.cuts;
    }
  }
  return [];
}

/** Copied to every reader by the split; until then each is where its first reader is. */
function placeConstants(flow: Dataflow, known: Known, ends: Ends): void {
  const readers = new Map<ValueId, Place>();
  for (const op of [...flow.constants, ...flow.steps].toReversed()) {
    // Without readers it can only be an output, and leaves where outputs leave.
    if (known.ops[op.id] === undefined) {
      const read = op.outputs.map((id) => readers.get(id)).find((one) => one !== undefined);
      settle(known, op.id, read ?? ends.last, { kind: 'constant' });
    }
    for (const id of flow.reads(op)) if (flow.constant[id] === 1) readers.set(id, known.ops[op.id]!);
  }
}

/**
 * An author's place holds for the result too, and so does that of a cohort or of a value that may not cross; all
 * else leaves at the last class.
 */
function outputPlace(flow: Dataflow, known: Known, id: ValueId, last: Place): Place {
  const { def } = flow.model.value(id);
  const at = def.kind === 'op' ? known.ops[def.op]! : (known.inputs.get(id) ?? last);
  const annotated = def.kind === 'op' && flow.model.op(def.op).place !== undefined;
  return annotated || isMany(at) || (!mayCross(flow.model, flow.boundary, id) && flow.constant[id] === 0)
    ? at
    : last;
}

function checkMemory(
  flow: Dataflow,
  cx: PassContext,
  known: Known,
  report: (problem: Diagnostic) => void,
): void {
  const cost = costModel(flow.model);
  for (const share of sharesAbove(flow, cost, cx.topology.classes, (op) => known.ops[op]?.class)) {
    const args = {
      className: share.class.name,
      limit: formatBytes(share.class.memoryBytes!),
      need: formatBytes(share.needBytes),
      subject: 'what is placed there',
    };
    report(diagnostic('BB413', args, pointAt(cx.topology, ['classes', share.class.name, 'memory'])));
  }
}
