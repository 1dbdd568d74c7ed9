// If, Loop, Scan and SequenceMap: ops whose types come from the graphs they hold.

import type { GraphId, Model } from '../../ir/graph.ts';
import { sameType } from '../../ir/onnx/types.ts';
import { type Dim, formatType, type Shape, tensorType, type ValueType } from '../../ir/types.ts';
import { axisOf, Contradiction } from './dims.ts';
import type { Evaluator, Inferred, Scope } from './evaluate.ts';
import { joinTypes } from './value-types.ts';
import { joinKnown } from './values.ts';
import type { OpView } from './view.ts';

type ControlRule = (op: OpView, scope: Scope, evaluator: Evaluator) => readonly Inferred[];

function graphOf(op: OpView, name: string): GraphId | undefined {
  const attribute = op.attribute(name);
  return attribute?.kind === 'graph' ? attribute.value : undefined;
}

const inferIf: ControlRule = (op, scope, evaluator) => {
  const [yes, no] = [graphOf(op, 'then_branch'), graphOf(op, 'else_branch')];
  if (yes === undefined || no === undefined) return [];
  const [thenOutputs, elseOutputs] = [yes, no].map((branch) => evaluator.evaluateGraph(branch, scope)) as [
    readonly Inferred[],
    readonly Inferred[],
  ];
  if (thenOutputs.length !== elseOutputs.length) {
    throw new Contradiction(
      `then_branch has ${thenOutputs.length} outputs, else_branch ${elseOutputs.length}`,
    );
  }
  const condition = op.numbers(0)?.[0];
  if (condition !== undefined) return condition ? thenOutputs : elseOutputs;
  return thenOutputs.map((one, index) => {
    const other = elseOutputs[index]!;
    checkBranches(one.type, other.type, index);
    return { type: joinTypes(one.type, other.type), known: joinKnown(one.known, other.known) };
  });
};

function checkBranches(a: ValueType | undefined, b: ValueType | undefined, index: number): void {
  if (a === undefined || b === undefined) return;
  const dtypes = [a, b].map((type) => (type.kind === 'tensor' ? type.dtype : undefined));
  const differ = dtypes[0] !== undefined && dtypes[1] !== undefined && dtypes[0] !== dtypes[1];
  if (a.kind === b.kind ? differ : true) {
    throw new Contradiction(
      `output ${index} is ${formatType(a)} in then_branch and ${formatType(b)} in else_branch`,
    );
  }
}

/** A body must take what its op feeds it, and give at least what its op gives. */
function checkBody(model: Model, body: GraphId, inputs: number, outputs: number): void {
  const graph = model.graph(body);
  if (graph.inputs.length !== inputs) {
    throw new Contradiction(`its body takes ${graph.inputs.length} inputs and gets ${inputs}`);
  }
  if (graph.outputs.length < outputs) {
    throw new Contradiction(`its body gives ${graph.outputs.length} outputs where ${outputs} are needed`);
  }
}

/** The type without what an iteration may change. */
function withoutShape(type: ValueType | undefined): ValueType | undefined {
  if (type?.kind === 'tensor') return tensorType(type.dtype);
  if (type?.kind === 'sequence' || type?.kind === 'optional') {
    return { kind: type.kind, elem: withoutShape(type.elem) };
  }
  return type;
}

/**
 * Types of loop-carried values that hold before and after every iteration: the initial ones if an iteration
 * keeps them, else what they have in common with its results if an iteration keeps that, else no shape.
 */
function carried(
  initial: readonly (ValueType | undefined)[],
  iterate: (state: readonly Inferred[]) => readonly Inferred[],
  evaluator: Evaluator,
): readonly Inferred[] {
  let state = initial;
  for (let attempt = 0; attempt < 2; attempt++) {
    let outputs: readonly Inferred[] = [];
    const tried = state;
    const holds = evaluator.trial(() => {
      outputs = iterate(tried.map((type) => ({ type })));
      return tried.every((type, index) => sameType(type, joinTypes(type, outputs[index]?.type) ?? type));
    });
    if (holds) return outputs;
    state = state.map((type, index) => joinTypes(type, outputs[index]?.type) ?? withoutShape(type));
  }
  return iterate(initial.map((type) => ({ type: withoutShape(type) })));
}

const loop: ControlRule = (op, scope, evaluator) => {
  const body = graphOf(op, 'body');
  if (body === undefined) return [];
  checkBody(evaluator.model, body, op.inputCount, op.outputCount + 1);
  const initial = op.op.inputs.slice(2).map((id) => scope.typeOf(id));
  const graph = evaluator.model.graph(body);
  // Some exporters declare the counter or the condition as [1]; the body is computed with what it says.
  const scalar = (index: number, dtype: 'int64' | 'bool'): Inferred => {
    const id = graph.inputs[index];
    const declared = id === undefined ? undefined : evaluator.model.value(id).type;
    return { type: declared?.kind === 'tensor' && declared.dims ? declared : tensorType(dtype, []) };
  };
  const iterate = (state: readonly Inferred[]): readonly Inferred[] =>
    evaluator.evaluateGraph(body, scope, [scalar(0, 'int64'), scalar(1, 'bool'), ...state]).slice(1);
  const outputs = carried(initial, iterate, evaluator);
  return outputs.map((output, index) =>
    // After no iteration a carried value is still the initial one.
    index < initial.length
      ? { type: joinTypes(initial[index], output.type) ?? withoutShape(output.type ?? initial[index]) }
      : { type: stacked(output.type, 0, null) },
  );
};

/** A tensor with a further axis, for the values of all iterations. */
function stacked(type: ValueType | undefined, axis: number, length: Dim): ValueType | undefined {
  if (type?.kind !== 'tensor' || type.dims === undefined) return type;
  return tensorType(type.dtype, type.dims.toSpliced(axisOf(axis, type.dims.length + 1), 0, length));
}

function withoutAxis(type: ValueType | undefined, axis: number): ValueType | undefined {
  if (type?.kind !== 'tensor' || type.dims === undefined) return type;
  return tensorType(type.dtype, type.dims.toSpliced(axisOf(axis, type.dims.length), 1));
}

const dimAt = (dims: Shape, axis: number): Dim =>
  dims === undefined ? null : dims[axisOf(axis, dims.length)]!;

const scan: ControlRule = (op, scope, evaluator) => {
  const body = graphOf(op, 'body');
  if (body === undefined) return [];
  // Version 8 has a leading input for lengths and a batch axis before all others.
  const batched = op.since < 9;
  const first = batched ? 1 : 0;
  const scanned = op.int('num_scan_inputs', 0);
  const states = op.inputCount - first - scanned;
  if (scanned < 1 || states < 0)
    throw new Contradiction(`num_scan_inputs is ${scanned}, with ${op.inputCount - first} inputs`);
  const axisOfInput = (at: number): number => (batched ? 1 : (op.ints('scan_input_axes')?.[at] ?? 0));
  const inputs = op.op.inputs.slice(first).map((id, index): Inferred => {
    let type = scope.typeOf(id);
    if (index >= states) type = withoutAxis(type, axisOfInput(index - states));
    return { type: batched ? withoutAxis(type, 0) : type };
  });
  checkBody(evaluator.model, body, op.inputCount - first, op.outputCount);
  const outputs = evaluator.evaluateGraph(body, scope, inputs);
  const lengths = Array.from({ length: scanned }, (_, at) =>
    dimAt(op.dims(first + states + at), axisOfInput(at)),
  );
  const length =
    lengths.find((dim) => typeof dim === 'number') ?? lengths.find((dim) => dim !== null) ?? null;
  const batch = batched ? op.dim(first, 0) : null;
  return outputs.map(({ type }, index) => {
    const axis = op.ints('scan_output_axes')?.[index - states] ?? 0;
    const whole = index < states ? type : stacked(type, batched ? 0 : axis, length);
    return { type: batched ? stacked(whole, 0, batch) : whole };
  });
};

const sequenceMap: ControlRule = (op, scope, evaluator) => {
  const body = graphOf(op, 'body');
  if (body === undefined) return [];
  const inputs = op.op.inputs.map((id): Inferred => {
    const type = scope.typeOf(id);
    return { type: type?.kind === 'sequence' ? type.elem : type };
  });
  checkBody(evaluator.model, body, op.inputCount, op.outputCount);
  const outputs = evaluator.evaluateGraph(body, scope, inputs);
  return outputs.map(({ type }) => ({ type: { kind: 'sequence', elem: type } }));
};

export const controlRules: ReadonlyMap<string, ControlRule> = new Map(
  Object.entries({ If: inferIf, Loop: loop, Scan: scan, SequenceMap: sequenceMap }),
);
