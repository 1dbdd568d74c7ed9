// Folds: a Scan that alone reads what a Collect stacks need not wait for the last answer. It is given each as soon as all
// before it in set order are there, and nothing is stacked.
//
//   rows, senders, missing = Collect(x)        rows, senders, missing = Collect(x)
//   sum = Scan<body>(zero, rows)          →    sum = Fold<body>(zero, rows)
//
// Folding belongs to the wait and not to the fragment behind it, which may claim state. So what else the Scan reads must be
// there without that fragment: from a lower one, from another peer, or of constants. Plain ops of the fragment itself that
// need no more than that move down to where their inputs are.

import {
  attributeInt,
  attributeString,
  CORE,
  DOMAIN,
  findAttribute,
  type GraphId,
  isOurDomain,
  type Model,
  type Op,
  type OpId,
  type ValueId,
} from '../../ir/index.ts';
import type { Levels } from './fragments.ts';
import { isCore, isGather, isSpread, type PlacedGraph } from './places.ts';

/** Stands for a Scan that folds, in the core domain; no file has it. */
const FOLD = 'Fold';

export const isFold = (op: Op): boolean => isCore(op, FOLD);

export interface FoldParts {
  readonly body: GraphId;
  /** Values that answers are folded into, at first. */
  readonly initial: readonly ValueId[];
  /** What its Collect gives for each field. */
  readonly rows: readonly ValueId[];
}

export function partsOfFold(op: Op): FoldParts {
  const body = findAttribute(op, 'body');
  if (body?.kind !== 'graph') throw new Error(`${op.name} has no body`);
  const states = op.inputs.length - attributeInt(op, 'num_scan_inputs', 0);
  return { body: body.value, initial: op.inputs.slice(0, states), rows: op.inputs.slice(states) };
}

/** The graph with its folds, and where ops that moved for them are; the same objects where nothing folds. */
export function foldAnswers(
  graph: PlacedGraph,
  levels: Levels,
): { readonly graph: PlacedGraph; readonly levels: Levels } {
  const { model } = graph;
  const folds = new Set<OpId>();
  const settled = levels.slice();
  for (const op of model.opsOf()) {
    const collect = collectBehind(model, op);
    if (collect === undefined || levels[collect.id] !== levels[op.id]) continue;
    if (graph.opPlace[collect.id] !== graph.opPlace[op.id]) continue;
    // Who answered is known last of all.
    if (graph.needs[op.id]!.some((id) => collect.outputs.indexOf(id) >= collect.inputs.length)) continue;
    const moved = liftedFor(graph, settled, folds, op);
    if (moved === undefined) continue;
    for (const [id, level] of moved) settled[id] = level;
    folds.add(op.id);
  }
  if (folds.size === 0) return { graph, levels };
  const editor = model.edit();
  for (const id of folds) editor.setOp(id, { domain: DOMAIN.core, type: FOLD });
  return { graph: { ...graph, model: editor.finish() }, levels: settled };
}

/** The Collect of which a Scan reads every field, each once, as nobody else does. */
function collectBehind(model: Model, op: Op): Op | undefined {
  if (op.domain !== '' || op.type !== 'Scan' || (model.header.opsets.get('') ?? 0) < 9) return undefined;
  const { body, initial, rows } = partsOfFold(op);
  const { def } = model.value(rows[0]!);
  const collect = def.kind === 'op' ? model.op(def.op) : undefined;
  if (collect === undefined || !isCore(collect, CORE.collect)) return undefined;
  if (attributeString(collect, 'late') === 'next' || attributeString(collect, 'order') === 'arrival')
    return undefined;
  const fields = collect.outputs.slice(0, collect.inputs.length);
  const takesAll = fields.length === rows.length && fields.every((field) => rows.includes(field));
  const stacks = op.outputs.length > initial.length;
  if (!takesAll || stacks || initial.some((id) => id === 0) || model.graph(body).initializers.length > 0)
    return undefined;
  const forwards = ['scan_input_directions', 'scan_input_axes'].every((name) => {
    const numbers = findAttribute(op, name);
    return numbers?.kind !== 'ints' || numbers.value.every((one) => one === 0n);
  });
  return forwards && fields.every((field) => model.uses(field).length === 1) ? collect : undefined;
}

/**
 * Plain ops of a fold's fragment that move down to where their inputs are, so that the fold finds all that it reads;
 * undefined: it reads what only that fragment has.
 */
function liftedFor(
  { model, opPlace, needs, ...graph }: PlacedGraph,
  levels: Levels,
  folds: ReadonlySet<OpId>,
  fold: Op,
): ReadonlyMap<OpId, number> | undefined {
  const [here, own] = [opPlace[fold.id]!, levels[fold.id]!];
  const isHere = ({ id }: Op): boolean => graph.constant[id] !== 1 && opPlace[id] === here;
  const base = [...model.opsOf()].reduce(
    (least, op) => (isHere(op) ? Math.min(least, levels[op.id]!) : least),
    own,
  );
  const lifted = new Map<OpId, number>();
  /** From which level on a value is there, whatever the fragment does; what waits is in no fragment. */
  const availableAt = (value: ValueId): number | undefined => {
    const { def } = model.value(value);
    if (def.kind !== 'op') return base;
    const [op, level] = [model.op(def.op), levels[def.op]!];
    if (!isHere(op)) return level + 1;
    const waits = isGather(op) || isSpread(op) || folds.has(op.id);
    return level < own || waits ? level : lifted.get(op.id);
  };
  for (const op of model.opsOf()) {
    if (op.id === fold.id) break;
    if (!isHere(op) || levels[op.id] !== own || isOurDomain(op.domain) || folds.has(op.id)) continue;
    const found = needs[op.id]!.map(availableAt);
    const lowest = found.reduce<number>((most, level) => Math.max(most, level ?? own), base);
    if (lowest < own) lifted.set(op.id, lowest);
  }
  const { rows } = partsOfFold(fold);
  const moved = new Map<OpId, number>();
  const open = needs[fold.id]!.filter((value) => !rows.includes(value));
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (availableAt(value) === undefined) return undefined;
    const { def } = model.value(value);
    const level = def.kind === 'op' ? lifted.get(def.op) : undefined;
    if (def.kind !== 'op' || level === undefined || moved.has(def.op)) continue;
    moved.set(def.op, level);
    open.push(...needs[def.op]!);
  }
  return moved;
}
