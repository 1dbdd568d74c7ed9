// Puts plain ops in the place of Gradient ops: innermost graphs first, and in each from the first to the last, so that a
// gradient of a gradient finds the plain ops of the first.

import {
  type Diagnostic,
  dependenciesOf,
  describeOp,
  diagnostic,
  formatType,
  type GradientOf,
  type GraphId,
  gradientOf,
  hasErrors,
  isGradient,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  positionOf,
  TRAINING_DOMAIN,
  type ValueId,
} from '../../ir/index.ts';
import { Builder, isFloat } from './builder.ts';
import type { Forms } from './common.ts';
import { differentiate } from './differentiate.ts';
import { withoutUncalled } from './inline.ts';
import { infer, prepare } from './prepare.ts';
import { renameIn } from './recompute.ts';

export interface Differentiated {
  /** The same object if there was nothing to do; as far as it got if there are errors. */
  readonly model: Model;
  /** By an op that computes a gradient: the op that it computes the gradient of. Main graph only. */
  readonly forwardOf: ReadonlyMap<OpId, OpId>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Gradient ops of one y in one graph. */
interface Group {
  readonly graph: GraphId;
  readonly y: ValueId;
  readonly ops: readonly Op[];
}

/** The model without Gradient ops, its types inferred. The opset becomes at least 18 if there were any. */
export function replaceGradients(source: Model, forms?: Forms): Differentiated {
  const forwardOf = new Map<OpId, OpId>();
  if (![...source.allOps()].some(isGradient)) return { model: source, forwardOf, diagnostics: [] };
  const prepared = prepare(source);
  const diagnostics: Diagnostic[] = [...prepared.diagnostics];
  let model = prepared.model ?? source;
  if (prepared.model === undefined) return { model, forwardOf, diagnostics };
  model = withoutUncalled(model);
  diagnostics.push(...misplaced(model));
  if (hasErrors(diagnostics)) return { model, forwardOf, diagnostics };
  for (let group = nextGroup(model); group !== undefined && !hasErrors(diagnostics); group = nextGroup(model))
    model = infer(replaceGroup(model, group, { forwardOf, diagnostics, forms }));
  return { model: hasErrors(diagnostics) ? model : withoutTrainingDomain(model), forwardOf, diagnostics };
}

/** Gradient ops that cannot be replaced where they stand. */
function misplaced(model: Model): Diagnostic[] {
  const inFunctions = new Set<GraphId>(model.functions.map((fn) => fn.graph));
  const isInFunction = (id: GraphId): boolean => {
    const { parent } = model.graph(id);
    return inFunctions.has(id) || (parent !== undefined && isInFunction(parent));
  };
  return [...model.allOps()].filter(isGradient).flatMap((op) => {
    const parts = gradientOf(op);
    const why =
      parts === undefined
        ? 'its inputs are not the values that it names'
        : isInFunction(op.graph)
          ? 'it is in a function that cannot be written out where it is called'
          : model.value(parts.y).graph !== op.graph
            ? `${model.value(parts.y).name} is made in a graph around it`
            : undefined;
    return why === undefined ? [] : [diagnostic('BB288', { why }, about(model, op))];
  });
}

const about = (model: Pick<Model, 'header' | 'value'>, op: Op) => ({
  op: describeOp(model, op),
  at: positionOf(model, op),
});

/** Of the innermost graphs, the first. */
function nextGroup(model: Model): Group | undefined {
  const depth = (id: GraphId): number => {
    const { parent } = model.graph(id);
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  let found: Group | undefined;
  let deepest = -1;
  for (const { id, ops } of model.graphs) {
    const here = ops.map((one) => model.op(one)).filter(isGradient);
    if (here.length === 0 || depth(id) <= deepest) continue;
    const { y } = gradientOf(here[0]!)!;
    deepest = depth(id);
    found = { graph: id, y, ops: here.filter((op) => gradientOf(op)!.y === y) };
  }
  return found;
}

interface Found {
  readonly forwardOf: Map<OpId, OpId>;
  readonly diagnostics: Diagnostic[];
  readonly forms: Forms | undefined;
}

function replaceGroup(
  model: Model,
  { graph, y, ops }: Group,
  { forwardOf, diagnostics, forms }: Found,
): Model {
  const loss = model.value(y);
  const isScalar = loss.type?.kind === 'tensor' && (loss.type.dims?.length ?? 0) === 0;
  if (!isFloat(loss.type) || !isScalar) {
    const args = { name: loss.name, type: formatType(loss.type) };
    diagnostics.push(diagnostic('BB284', args, about(model, ops[0]!)));
    return model;
  }
  const order = model.graph(graph).ops;
  const before = order.slice(0, order.indexOf(ops[0]!.id));
  const wanted = new Map<ValueId, Op>();
  for (const op of ops) for (const x of (gradientOf(op) as GradientOf).xs) wanted.set(x, op);
  diagnostics.push(...unreached(model, before, y, wanted));
  if (hasErrors(diagnostics)) return model;

  const editor = model.edit();
  const root = Builder.of(model, editor, forms);
  const b = root.in(graph);
  const xs = [...wanted.keys()];
  const found = differentiate(b, before, [[y, b.scalar(1, y)]], xs);
  diagnostics.push(...found.diagnostics);
  if (hasErrors(found.diagnostics)) return model;
  const gradients = new Map(xs.map((x, index) => [x, found.of[index]]));
  const results = ops.flatMap((op) =>
    gradientOf(op)!.xs.flatMap((x, index) => {
      const into = op.outputs[index]!;
      if (into === NO_VALUE) return [];
      const of = gradients.get(x);
      if (of === undefined) {
        const args = { name: model.value(x).name, loss: loss.name };
        diagnostics.push(diagnostic('BB287', args, about(model, op)));
      }
      return [[of ?? b.zerosLike(x), into] as const];
    }),
  );
  const gone = new Set(ops.map(({ id }) => id));
  for (const id of gone) editor.removeOp(id);
  giveTo(b, results);
  const after = order.slice(before.length).filter((id) => !gone.has(id));
  editor.setGraph(graph, { ops: [...before, ...b.made, ...after] });
  const { initializers } = editor.graph(model.main);
  editor.setGraph(model.main, { initializers: [...initializers, ...root.initializers] });
  if (graph === model.main) for (const [made, of] of b.forwardOf) forwardOf.set(made, of);
  return editor.finish();
}

/** What a value is computed from by a list of ops in order, and it itself. */
export function valuesBehind(model: Model, ops: readonly OpId[], y: ValueId): ReadonlySet<ValueId> {
  const needed = new Set([y]);
  for (const op of ops.map((id) => model.op(id)).toReversed())
    if (op.outputs.some((one) => needed.has(one)))
      for (const one of dependenciesOf(model, op)) needed.add(one);
  return needed;
}

/** Complaints about x that y does not depend on, and those that have no gradient whatever y is. */
function unreached(
  model: Model,
  before: readonly OpId[],
  y: ValueId,
  wanted: ReadonlyMap<ValueId, Op>,
): Diagnostic[] {
  const needed = valuesBehind(model, before, y);
  return [...wanted].flatMap(([x, op]) => {
    const { name, type } = model.value(x);
    if (!isFloat(type)) return [diagnostic('BB283', { name }, about(model, op))];
    if (needed.has(x)) return [];
    return [diagnostic('BB286', { name, loss: model.value(y).name }, about(model, op))];
  });
}

/**
 * What was made under names of its own becomes the value that the Gradient op was to give; a value that is no op's of
 * these, or is given twice, is copied.
 */
function giveTo(b: Builder, results: readonly (readonly [from: ValueId, into: ValueId])[]): void {
  const made = new Set(b.made);
  const renamed = new Map<ValueId, ValueId>();
  const copied: (readonly [ValueId, ValueId])[] = [];
  for (const [from, into] of results) {
    const { def } = b.editor.value(from);
    if (def.kind === 'op' && made.has(def.op) && !renamed.has(from)) renamed.set(from, into);
    else copied.push([from, into]);
  }
  for (const id of made) renameIn(b.editor, id, renamed);
  for (const id of renamed.keys()) b.editor.removeValue(id);
  for (const [from, into] of copied) {
    const inputs = [renamed.get(from) ?? from];
    b.made.push(b.editor.addOp(b.graph, { type: 'Identity', inputs, outputs: [into] }));
  }
}

/** Without the import that only Gradient ops needed. */
function withoutTrainingDomain(model: Model): Model {
  if ([...model.allOps()].some(({ domain }) => domain === TRAINING_DOMAIN)) return model;
  const editor = model.edit();
  const opsets = new Map(model.header.opsets);
  opsets.delete(TRAINING_DOMAIN);
  editor.header = { ...model.header, opsets };
  return editor.finish();
}
