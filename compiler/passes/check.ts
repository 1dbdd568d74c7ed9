// check: what the ONNX checker rejects, we reject, naming the op and the author's line.
//
//   c = Add(b, b)       b = Relu(x)
//   b = Relu(x)    →    c = Add(b, b)     warning: sorted
//   d = Rleu(c)    →    error: there is no operator Rleu in opset 21; did you mean Relu?

import {
  type Diagnostic,
  describeOp,
  diagnostic,
  type Model,
  type OpId,
  Report,
  type Sorted,
  sortModel,
} from '../../ir/index.ts';
import { about, type CheckContext, inFile } from '../checks/context.ts';
import { checkDoubtful } from '../checks/doubtful.ts';
import { checkFunctions } from '../checks/functions.ts';
import { checkBoundary, checkHeader, checkRanks } from '../checks/header.ts';
import { checkNames } from '../checks/names.ts';
import { checkOp } from '../checks/ops.ts';
import { checkTensors } from '../checks/tensors.ts';
import { pass } from '../pass.ts';

export const check = pass('check', {
  needs: 'recorded',
  gives: 'checked',
  run: (compilation, cx) => {
    const sorted = sortModel(compilation.model);
    if (sorted.moved) cx.report(diagnostic('BB218', undefined, inFile(compilation.model)));
    const problems = new Report();
    const found: CheckContext = { model: sorted.model, report: problems.add, isFull: problems.isFull };
    checkStructure(found, sorted);
    reportSparse(found);
    for (const problem of problems.list) cx.report(problem);
    return { ...compilation, level: 'checked', model: sorted.model };
  },
});

/** Legal by the letter, though no runtime takes it: for compiling an error, for a verdict on a file a warning. */
const doubtful: ReadonlySet<Diagnostic['code']> = new Set(['BB220']);

/** Whether a model is valid ONNX, as it stands in its file: unsorted ops are an error here. Types aside. */
export function checkModel(model: Model): readonly Diagnostic[] {
  const problems = new Report();
  const report = (problem: Diagnostic): void =>
    problems.add(doubtful.has(problem.code) ? { ...problem, severity: 'warning' } : problem);
  const cx: CheckContext = { model, report, isFull: problems.isFull };
  checkStructure(cx, sortModel(model));
  checkBoundary(cx);
  checkDoubtful(cx);
  return problems.list;
}

function checkStructure(cx: CheckContext, sorted: Sorted): void {
  const { model } = cx;
  if (sorted.cycle !== undefined) reportCycle(cx, sorted.cycle);
  checkHeader(cx);
  checkRanks(cx);
  checkNames(cx, sorted.cycle === undefined);
  checkFunctions(cx);
  checkTensors(cx);
  const opsets = opsetsByGraph(model);
  for (const op of model.allOps()) checkOp(cx, op, opsets[op.graph]!);
}

function reportCycle({ model, report }: CheckContext, cycle: readonly OpId[]): void {
  const ops = cycle.map((id) => model.op(id));
  const shown = ops.slice(0, 8).map((op) => describeOp(model, op));
  if (ops.length > shown.length) shown.push(`… (${ops.length} ops)`);
  report(diagnostic('BB203', { ops: [...shown, shown[0]!] }, about(model, ops[0]!)));
}

/** Valid, but no pass after this one can carry a sparse weight. */
function reportSparse({ model, report }: CheckContext): void {
  for (const { initializers } of model.graphs) {
    for (const id of initializers) {
      const { name, weight } = model.value(id);
      if (weight === undefined) report(diagnostic('BB219', { name }, inFile(model, name)));
    }
  }
}

/** A function has opsets of its own, which hold for the subgraphs in it too. Indexed by GraphId. */
function opsetsByGraph(model: Model): readonly ReadonlyMap<string, number>[] {
  const ofFunction = new Map(model.functions.map((fn) => [fn.graph, fn.opsets]));
  return model.graphs.map((graph) => {
    let root = graph;
    while (root.parent !== undefined) root = model.graph(root.parent);
    return ofFunction.get(root.id) ?? model.header.opsets;
  });
}
