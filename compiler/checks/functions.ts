// Model-local functions: named, distinct, not recursive, and of opsets that agree with the model's.

import { diagnostic, type ModelFunction, type Op, subgraphsOf } from '../../ir/index.ts';
import { schemaOf } from '../../ir/ops/schema.ts';
import { about, type CheckContext, inFile } from './context.ts';
import { repeated } from './header.ts';

export function checkFunctions(cx: CheckContext): void {
  const { model } = cx;
  const keys = new Set<string>();
  for (const fn of model.functions) {
    const key = `${fn.domain}\n${fn.name}\n${fn.overload}`;
    if (keys.has(key)) problem(cx, fn, 'is defined twice');
    keys.add(key);
    checkFunction(cx, fn);
  }
  checkRecursion(cx);
}

function problem({ model, report }: CheckContext, fn: ModelFunction, text: string): void {
  report(diagnostic('BB216', { name: fn.name, problem: text }, inFile(model)));
}

function checkFunction(cx: CheckContext, fn: ModelFunction): void {
  const { model } = cx;
  if (fn.name === '') problem(cx, fn, 'has no name');
  if (fn.domain === '') problem(cx, fn, 'has no domain');
  const { outputs } = model.graph(fn.graph);
  const output = repeated(outputs.map((id) => model.value(id).name));
  if (output !== undefined) problem(cx, fn, `has output ${output} twice`);
  const attribute = repeated(fn.attributes);
  if (attribute !== undefined) problem(cx, fn, `has attribute ${attribute} twice`);
  for (const op of model.opsOf(fn.graph)) checkOpset(cx, fn, op);
}

/** The op must be the same operator in the function's opset and in the model's. */
function checkOpset({ model, report }: CheckContext, fn: ModelFunction, op: Op): void {
  const own = fn.opsets.get(op.domain);
  const outer = model.header.opsets.get(op.domain);
  if (own === undefined || outer === undefined || own === outer) return;
  const mine = schemaOf(op.domain, op.type, own);
  const theirs = schemaOf(op.domain, op.type, outer);
  if (mine?.since === theirs?.since) return;
  const text = `uses ${op.type} of opset ${own}, which is another operator in the model's opset ${outer}`;
  report(diagnostic('BB216', { name: fn.name, problem: text }, about(model, op)));
}

function checkRecursion(cx: CheckContext): void {
  const { model } = cx;
  const state = new Map<ModelFunction, 'open' | 'done'>();
  const visit = (fn: ModelFunction): void => {
    state.set(fn, 'open');
    for (const called of calledBy(cx, fn)) {
      if (state.get(called) === 'open') problem(cx, fn, `calls itself by way of ${called.name}`);
      else if (!state.has(called)) visit(called);
    }
    state.set(fn, 'done');
  };
  for (const fn of model.functions) if (!state.has(fn)) visit(fn);
}

function calledBy({ model }: CheckContext, fn: ModelFunction): Set<ModelFunction> {
  const called = new Set<ModelFunction>();
  const graphs = [fn.graph];
  for (let graph = graphs.pop(); graph !== undefined; graph = graphs.pop()) {
    for (const op of model.opsOf(graph)) {
      const target = model.functionOf(op);
      if (target !== undefined) called.add(target);
      graphs.push(...subgraphsOf(op));
    }
  }
  return called;
}
