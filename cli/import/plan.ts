// What the source of a model will consist of, before a line of it is written: for each graph its ops, with loops in place
// of runs of like blocks and calls in place of groups that recur elsewhere.

import {
  type Attribute,
  constantOf,
  type GraphId,
  type Model,
  type Op,
  type OpId,
  type ValueId,
} from '../../ir/index.ts';
import type { Run } from './blocks.ts';
import { findFunctions } from './functions.ts';
import { findRuns } from './repeats.ts';
import type { Values } from './values.ts';

/** One statement to be, or several. */
export type Item = OpItem | LoopItem | CallItem;

export interface OpItem {
  readonly kind: 'op';
  readonly op: Op;
}
export interface LoopItem {
  readonly kind: 'loop';
  readonly run: Run;
  /** The first group, from which the loop's body is written. */
  readonly group: readonly Op[];
  /** Ops of all groups. */
  readonly ops: readonly Op[];
  readonly body: Body;
}
export interface CallItem {
  readonly kind: 'call';
  readonly fn: Fn;
  readonly inputs: readonly ValueId[];
  readonly constants: readonly ValueId[];
  readonly attributes: readonly AttributeAt[];
  readonly outputs: readonly ValueId[];
  readonly ops: readonly Op[];
  /** Items of the body that it stands for. */
  readonly size: number;
}

/** An attribute of an op of the model. */
export interface AttributeAt {
  readonly op: Op;
  readonly attribute: Attribute;
}

/** The statements of one function body. */
export interface Body {
  readonly graph: GraphId;
  readonly items: Item[];
}

/** Groups of ops that are written once. Inputs, constants and attributes are those of the first, which is the template. */
export interface Fn {
  readonly id: number;
  /** What it does, for its name. */
  readonly about: string;
  readonly body: Body;
  readonly inputs: readonly ValueId[];
  readonly constants: readonly ValueId[];
  readonly attributes: readonly AttributeAt[];
  readonly outputs: readonly ValueId[];
}

export interface Plan {
  readonly bodies: ReadonlyMap<GraphId, Body>;
  readonly functions: readonly Fn[];
}

/** `needed`: ops that outputs need, in all graphs. */
export function planOf(model: Model, values: Values, needed: ReadonlySet<OpId>): Plan {
  const bodies = new Map<GraphId, Body>();
  const all: Body[] = [];
  for (const graph of model.graphs) {
    const ops = [...model.opsOf(graph.id)].filter((op) => needed.has(op.id) && constantOf(op) === undefined);
    const body: Body = { graph: graph.id, items: withLoops(graph.id, ops, values) };
    bodies.set(graph.id, body);
    all.push(body, ...body.items.flatMap((item) => (item.kind === 'loop' ? [item.body] : [])));
  }
  return { bodies, functions: findFunctions(values, all) };
}

function withLoops(graph: GraphId, ops: readonly Op[], values: Values): Item[] {
  const asItem = (op: Op): OpItem => ({ kind: 'op', op });
  const items: Item[] = [];
  let at = 0;
  for (const run of findRuns({
    model: values.model,
    ops,
    weightOf: (id) => values.weightOf(id),
    sameLiteral: (a, b) => values.sameLiteral(a, b),
    hasName: (id) => values.hasName(id),
  })) {
    items.push(...ops.slice(at, run.start).map(asItem));
    at = run.start + run.size * run.count;
    const group = ops.slice(run.start, run.start + run.size);
    const body: Body = { graph, items: group.map(asItem) };
    items.push({ kind: 'loop', run, group, ops: ops.slice(run.start, at), body });
  }
  return [...items, ...ops.slice(at).map(asItem)];
}
