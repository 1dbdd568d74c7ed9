// Names and definitions: each name is defined once, before it is used, where the user can see it. Walks every
// graph in order with the names defined so far, as the ONNX checker does, so that what hides what is decided
// by position.

import {
  type Diagnostic,
  describeOp,
  diagnostic,
  type Graph,
  type GraphId,
  type Model,
  NO_VALUE,
  type Op,
  positionOf,
  subgraphsOf,
  type Value,
  type ValueId,
} from '../../ir/index.ts';
import { about, type CheckContext, inFile } from './context.ts';

class Names {
  readonly #own = new Map<string, ValueId>();
  readonly #definers = new Map<ValueId, Diagnostic['related']>();
  readonly #outer: Names | undefined;
  #told: { readonly op: Op; readonly name: string } | undefined;
  constructor(outer?: Names) {
    this.#outer = outer;
  }
  own(name: string): ValueId | undefined {
    return this.#own.get(name);
  }
  any(name: string): ValueId | undefined {
    return this.#own.get(name) ?? this.#outer?.any(name);
  }
  define(value: Value): void {
    this.#own.set(value.name, value.id);
  }
  /** Whether this was asked last, too. */
  isTold(op: Op, name: string): boolean {
    const told = this.#told?.op === op && this.#told.name === name;
    if (!told) this.#told = { op, name };
    return told;
  }
  /** Who was first; remembered, for a broken file may define one name at each of its ops. */
  firstDefined(model: Model, id: ValueId): NonNullable<Diagnostic['related']> {
    let related = this.#definers.get(id);
    if (related === undefined) {
      related = [{ message: `first defined by ${definer(model, id)}` }];
      this.#definers.set(id, related);
    }
    return related;
  }
}

/** `ordered`: whether an op may read only what ops before it made (not so while a cycle makes that moot). */
export function checkNames(cx: CheckContext, ordered: boolean): void {
  const { model } = cx;
  for (const fn of model.functions) walk(cx, fn.graph, undefined, ordered);
  walk(cx, model.main, undefined, ordered);
}

function walk(cx: CheckContext, id: GraphId, outer: Names | undefined, ordered: boolean): void {
  const { model, report } = cx;
  const graph = model.graph(id);
  const names = new Names(outer);
  if (graph.kind !== 'function' && graph.name === '') {
    const where = graph.kind === 'main' ? 'the graph' : 'a subgraph';
    report(diagnostic('BB213', { what: where }, inFile(model)));
  }
  defineInputs(cx, graph, names);
  for (const op of model.opsOf(id)) {
    for (const input of op.inputs) checkRead(cx, op, input, names, ordered);
    for (const subgraph of subgraphsOf(op)) walk(cx, subgraph, names, ordered);
    for (const output of op.outputs) defineOutput(cx, op, output, names);
  }
  for (const output of graph.outputs) checkGraphOutput(cx, graph, model.value(output), names);
}

function defineInputs(cx: CheckContext, graph: Graph, names: Names): void {
  const { model, report } = cx;
  const inputs = new Set(graph.inputs);
  const define = (id: ValueId, what: string): void => {
    const value = model.value(id);
    const first = names.own(value.name);
    if (value.name === '') report(diagnostic('BB213', { what }, inFile(model)));
    else if (first !== undefined && !cx.isFull('BB202'))
      report(
        diagnostic(
          'BB202',
          { name: value.name, again: `as ${what}` },
          { ...inFile(model, value.name), related: names.firstDefined(model, first) },
        ),
      );
    names.define(value);
  };
  for (const id of graph.inputs) define(id, graph.kind === 'function' ? 'a function input' : 'a graph input');
  const seen = new Set<ValueId>();
  for (const id of graph.initializers) {
    if (!inputs.has(id) || seen.has(id)) define(id, 'an initializer');
    seen.add(id);
    if (!inputs.has(id) && graph.kind === 'main' && model.header.irVersion < 4 && !cx.isFull('BB212')) {
      const { name } = model.value(id);
      const problem = `IR version ${model.header.irVersion} wants every initializer among the graph inputs`;
      report(diagnostic('BB212', { problem }, inFile(model, name)));
    }
  }
}

function defineOutput(cx: CheckContext, op: Op, id: ValueId, names: Names): void {
  if (id === NO_VALUE) return;
  const { model, report } = cx;
  const value = model.value(id);
  const first = names.any(value.name);
  // An op that lists one name a thousand times has one problem.
  if (first !== undefined && !names.isTold(op, value.name) && !cx.isFull('BB202')) {
    const described = describeOp(model, op);
    report(
      diagnostic(
        'BB202',
        { name: value.name, again: `by ${described}` },
        {
          op: described,
          at: positionOf(model, op),
          value: value.name,
          related: names.firstDefined(model, first),
        },
      ),
    );
  }
  names.define(value);
}

function checkRead(cx: CheckContext, op: Op, id: ValueId, names: Names, ordered: boolean): void {
  if (id === NO_VALUE) return;
  const { model, report } = cx;
  const value = model.value(id);
  if (value.def.kind === 'none') {
    const context = { ...about(model, op), value: value.name };
    report(diagnostic('BB201', { reader: op.type, name: value.name }, context));
  } else if (ordered && names.any(value.name) === undefined) {
    const context = { ...about(model, op), value: value.name };
    report(diagnostic('BB204', { reader: op.type, name: value.name }, context));
  }
}

function checkGraphOutput(cx: CheckContext, graph: Graph, value: Value, names: Names): void {
  const { model, report } = cx;
  // A function may leave an output undefined: the call then gives nothing there.
  if (graph.kind === 'function') return;
  const what = graph.kind === 'main' ? 'a graph output' : 'a subgraph output';
  if (value.name === '') report(diagnostic('BB213', { what }, inFile(model)));
  else if (value.def.kind === 'none')
    report(diagnostic('BB201', { reader: what, name: value.name }, inFile(model, value.name)));
  else if (names.own(value.name) === undefined)
    report(diagnostic('BB205', { name: value.name }, inFile(model, value.name)));
}

/** Who defines a value, in words. */
function definer(model: Model, id: ValueId): string {
  const { def } = model.value(id);
  switch (def.kind) {
    case 'op':
      return `op ${describeOp(model, model.op(def.op))}`;
    case 'input':
      return 'a graph input';
    default:
      return 'an initializer';
  }
}
