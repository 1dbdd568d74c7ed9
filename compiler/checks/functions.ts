// Model-local functions: named, distinct, not recursive, and of opsets that agree with the model's.

import { diagnostic, type ModelFunction, type Op, subgraphsOf } from '../../ir/index.ts';
import { modelLimits } from '../../ir/onnx/limits.ts';
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
  /** How deep the calls of a function go; 0 while it is visited. */
  const depths = new Map<ModelFunction, number>();
  let deepest = 0;
  for (const first of model.functions) {
    if (depths.has(first)) continue;
    // A list of its own and not the stack: chains of calls may be as long as the file allows.
    const open = [visit(cx, first, depths)];
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      const { fn, calls } = at;
      const { value: called } = calls.next();
      if (called === undefined) {
        depths.set(fn, at.depth);
        deepest = Math.max(deepest, at.depth);
        open.pop();
        const caller = open.at(-1);
        if (caller !== undefined) caller.depth = Math.max(caller.depth, at.depth + 1);
      } else if (depths.get(called) === 0) problem(cx, fn, `calls itself by way of ${called.name}`);
      else if (!depths.has(called)) open.push(visit(cx, called, depths));
      else at.depth = Math.max(at.depth, depths.get(called)! + 1);
    }
  }
  const limit = modelLimits.callDepth;
  const [first] = model.functions;
  if (first !== undefined && deepest > limit)
    cx.report(
      diagnostic(
        'BB110',
        { what: `functions that call one another: here ${deepest}`, limit },
        inFile(cx.model),
      ),
    );
}

function visit(cx: CheckContext, fn: ModelFunction, depths: Map<ModelFunction, number>) {
  depths.set(fn, 0);
  return { fn, calls: calledBy(cx, fn).values(), depth: 1 };
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
