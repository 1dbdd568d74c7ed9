// Branches and loops. What happened inside is computed again where its gradient is: a branch from what it captures, a
// step of a loop from its state at the beginning, which the forward loop keeps.

import { Copier } from '../../../ir/copy.ts';
import {
  type Attribute,
  attributeInt,
  attributeInts,
  capturesOf,
  dependenciesOf,
  findAttribute,
  type Graph,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  subgraphsOf,
  tensorType,
  type ValueId,
  type ValueType,
} from '../../../ir/index.ts';
import { type Builder, int, isFloat } from '../builder.ts';
import { drawingOp } from '../random.ts';
import type { Rule, Rules, Step } from '../rule.ts';

const graphAttribute = (name: string, graph: Graph['id']): Attribute => ({
  name,
  kind: 'graph',
  value: graph,
});

function bodyOf(b: Builder, op: Op, name: string): Graph {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'graph' ? b.editor.graph(attribute.value) : b.refuse(`it has no ${name}`);
}

/** The ops of `body` once more, in the graph of `inner`, reading `inputs` instead of the body's; and its outputs there. */
function again(
  inner: Builder,
  op: Op,
  body: Graph,
  inputs: readonly ValueId[],
): { readonly ops: readonly OpId[]; readonly outputs: readonly ValueId[] } {
  const { editor } = inner;
  refuseRandom(inner, body);
  const copier = new Copier(
    editor,
    editor,
    capturesOf(editor, op).map((one) => [one, one] as const),
    (name) => inner.unique(`${name}_again`),
  );
  body.inputs.forEach((input, index) => {
    copier.bind(input, inputs[index]!);
  });
  const initializers = body.initializers.map((one) => {
    const { weight } = editor.value(one);
    const copy = copier.declare(one, inner.graph);
    editor.setValue(copy, { def: { kind: 'initializer' }, ...(weight && { weight }) });
    return copy;
  });
  editor.setGraph(inner.graph, {
    initializers: [...editor.graph(inner.graph).initializers, ...initializers],
  });
  const ops = body.ops.map((one) => copier.op(one, inner.graph));
  inner.made.push(...ops);
  return { ops, outputs: body.outputs.map((one) => copier.value(one)) };
}

/** Computed again, it would be other numbers. */
function refuseRandom(b: Builder, graph: Graph): void {
  for (const id of graph.ops) {
    const found = drawingOp(b.editor, b.editor.op(id));
    if (found !== undefined)
      b.refuse(`${found.type} inside draws random numbers, and would draw others when it is computed again`);
  }
}

/** Gives the subgraph of `inner` its inputs and outputs. */
function close(inner: Builder, inputs: readonly ValueId[], outputs: readonly ValueId[]): void {
  const { editor, graph } = inner;
  // An output is a value of the graph itself, and no other output.
  const own = outputs.map((one) => inner.op('Identity', [one]));
  inputs.forEach((one, index) => {
    editor.setValue(one, { def: { kind: 'input', index } });
  });
  editor.setGraph(graph, { inputs, outputs: own, ops: onlyNeeded(editor, inner.made, own) });
}

/** The ops that some of the outputs need; the others are forgotten. */
function onlyNeeded(editor: ModelEditor, ops: readonly OpId[], outputs: readonly ValueId[]): readonly OpId[] {
  const needed = new Set(outputs);
  const kept = ops
    .toReversed()
    .filter((id) => {
      const op = editor.op(id);
      if (!op.outputs.some((one) => needed.has(one))) return false;
      for (const one of dependenciesOf(editor, op)) needed.add(one);
      return true;
    })
    .toReversed();
  const forget = (id: OpId): void => {
    for (const inner of subgraphsOf(editor.op(id))) editor.graph(inner).ops.forEach(forget);
    editor.removeOp(id);
  };
  const stays = new Set(kept);
  for (const id of ops) if (!stays.has(id)) forget(id);
  return kept;
}

const branch: Rule = (step) => {
  const { b, op, dy, captured } = step;
  const side = (name: string): Attribute => {
    const inner = b.subgraph(`${name}_gradient`);
    const body = bodyOf(b, op, name);
    const { ops, outputs } = again(inner, op, body, []);
    const given = outputs.flatMap((one, index) =>
      dy[index] === undefined ? [] : [[one, dy[index]] as const],
    );
    const found = step.backward(inner, ops, given, captured);
    close(
      inner,
      [],
      captured.map((one, index) => found[index] ?? inner.zerosLike(one)),
    );
    return graphAttribute(name, inner.graph);
  };
  const attributes = [side('then_branch'), side('else_branch')];
  const gradients = b.ops('If', [op.inputs[0]!], captured.length, ...attributes);
  captured.forEach((one, index) => {
    step.give(one, gradients[index]!);
  });
  return [];
};

/** One loop, of either kind, as its gradient sees it. */
interface Iterated {
  readonly body: Graph;
  /** The body's inputs that carry state, and those that are slices of the loop's own inputs. */
  readonly states: readonly ValueId[];
  readonly slices: readonly {
    readonly from: ValueId;
    readonly input: ValueId;
    readonly axis: number;
    readonly reverse: boolean;
  }[];
  /** Where a slice went that the body made. */
  readonly scans: readonly { readonly index: number; readonly axis: number; readonly reverse: boolean }[];
  /** The body's inputs before the state. */
  lead(inner: Builder, index: ValueId): readonly ValueId[];
  /** How many of the body's outputs come before those that carry state. */
  readonly skipped: number;
  /** The forward op gives so many more slices. */
  extended(count: number): void;
}

/** Makes the forward loop give some of its body's inputs at each step, as the values that are named. */
function keep(
  b: Builder,
  op: Op,
  body: Graph,
  kept: readonly (readonly [input: ValueId, all: ValueId])[],
): void {
  const { editor } = b;
  const copies = kept.map(([one]) => {
    const { name, type } = editor.value(one);
    return editor.addValue(body.id, { name: b.unique(`${name}_kept`), ...(type && { type }) });
  });
  const ids = kept.map(([one], index) =>
    editor.addOp(body.id, { type: 'Identity', inputs: [one], outputs: [copies[index]!] }),
  );
  const current = editor.graph(body.id);
  editor.setGraph(body.id, { ops: [...current.ops, ...ids], outputs: [...current.outputs, ...copies] });
  editor.setOp(op.id, { outputs: [...editor.op(op.id).outputs, ...kept.map(([, all]) => all)] });
}

/**
 * The states whose gradients are carried: those that depend on something whose gradient is wanted, and on which something
 * depends that has a gradient.
 */
function carriedStates(step: Step, loop: Iterated, inputs: readonly number[]): readonly number[] {
  const { b, dy, captured } = step;
  const { editor } = b;
  const { ops, outputs } = loop.body;
  const floats = loop.states.flatMap((state, at) => (isFloat(b.typeOf(state)) ? [at] : []));
  const resultOf = (at: number): ValueId => outputs[loop.skipped + at]!;
  const active = new Set(floats.filter((at) => step.wants(inputs[at]!)));
  const useful = new Set(floats.filter((at) => dy[at] !== undefined));
  const slices = loop.slices.filter((_, at) => step.wants(inputs[loop.states.length + at]!));
  const scans = loop.scans.filter((_, at) => dy[loop.states.length + at] !== undefined);
  // Each round may add states, from which others follow.
  for (let before = -1; before !== active.size; ) {
    before = active.size;
    const reached = new Set([...captured, ...slices.map(({ input }) => input)]);
    for (const at of active) reached.add(loop.states[at]!);
    for (const op of ops.map((id) => editor.op(id)))
      if (dependenciesOf(editor, op).some((one) => reached.has(one)))
        for (const one of op.outputs) reached.add(one);
    for (const at of floats) if (reached.has(resultOf(at))) active.add(at);
  }
  for (let before = -1; before !== useful.size; ) {
    before = useful.size;
    const needed = new Set([...scans.map(({ index }) => outputs[index]!), ...[...useful].map(resultOf)]);
    for (const op of ops.map((id) => editor.op(id)).toReversed())
      if (op.outputs.some((one) => needed.has(one)))
        for (const one of dependenciesOf(editor, op)) needed.add(one);
    for (const at of floats) if (needed.has(loop.states[at]!)) useful.add(at);
  }
  return floats.filter((at) => active.has(at) && useful.has(at));
}

/** What the gradient's loop carries: gradients of states of floating-point numbers, and of what the body captures. */
interface Carried {
  /** Which of the states. */
  readonly states: readonly number[];
  /** Which of the slices, whose gradients it stacks. */
  readonly slices: readonly number[];
  /** The last step of the forward loop. */
  readonly last: ValueId;
  /** Each state at the beginning of each step. */
  readonly kept: readonly ValueId[];
}

/** `inputs` are those of the loop that the body's states and slices come from. */
function iterate(
  step: Step,
  loop: Iterated,
  inputs: readonly number[],
  counter: ValueId,
): readonly (ValueId | undefined)[] {
  const { b, op, x, y, dy, captured } = step;
  // Before the body is told to keep its state.
  const body = { ...b.editor.graph(loop.body.id) };
  const all = [counter, ...loop.states].map((one) =>
    b.editor.addValue(op.graph, { name: b.unique(`${b.name(one)}_all`) }),
  );
  const [counters, ...kept] = all as [ValueId, ...ValueId[]];
  const count = b.op('Size', [counters]);
  const carried: Carried = {
    states: carriedStates(step, loop, inputs),
    slices: loop.slices.flatMap((_, at) => (step.wants(inputs[loop.states.length + at]!) ? [at] : [])),
    last: b.sub(count, b.scalarOf(1, 'int64')),
    kept,
  };
  const finals = carried.states.map((at) => dy[at] ?? b.zerosLike(existing(b, op, y, at)));
  const zeros = captured.map((value) => b.zerosLike(value));
  const [states, sums] = [carried.states.length, captured.length];
  if (states + sums + carried.slices.length === 0) return [];
  const backwards = oneStepBack(step, { ...loop, body }, carried);
  const results = b.ops(
    'Loop',
    [count, NO_VALUE, ...finals, ...zeros],
    states + sums + carried.slices.length,
    graphAttribute('body', backwards),
  );
  // Of the states only those that the steps back read, and the counter for how many steps there were.
  const read = new Set(
    b.editor.graph(backwards).ops.flatMap((id) => dependenciesOf(b.editor, b.editor.op(id))),
  );
  const stored = [counter, ...loop.states].flatMap((one, at) =>
    at === 0 || read.has(all[at]!) ? [[one, all[at]!] as const] : [],
  );
  keep(b, op, loop.body, stored);
  loop.extended(stored.length);
  captured.forEach((value, at) => {
    step.give(value, results[states + at]!);
  });
  const gradients: (ValueId | undefined)[] = new Array(x.length).fill(undefined);
  carried.states.forEach((position, at) => {
    gradients[inputs[position]!] = results[at]!;
  });
  carried.slices.forEach((position, at) => {
    const { axis, reverse, input } = loop.slices[position]!;
    const rank = b.rank(input) + 1;
    gradients[inputs[loop.states.length + position]!] = inPlace(
      b,
      results[states + sums + at]!,
      axis,
      reverse,
      rank,
    );
  });
  return gradients;
}

/** The body of the gradient's loop: a step of the forward one again, and its gradient. */
function oneStepBack(step: Step, loop: Iterated, { states, slices, last, kept }: Carried): Graph['id'] {
  const { b, op, dy, captured } = step;
  const { editor } = b;
  const inner = b.subgraph(`${op.type}_gradient`);
  const typed = (value: ValueId, type: ValueType | undefined): ValueId => {
    if (type !== undefined) editor.setValue(value, { type });
    return value;
  };
  const input = (name: string, type: ValueType | undefined): ValueId =>
    typed(editor.addValue(inner.graph, { name: b.unique(`grad/${name}`) }), type);
  const iteration = input('iteration', tensorType('int64', []));
  const condition = input('condition', tensorType('bool', []));
  const given = states.map((at) => input('state', b.typeOf(loop.states[at]!)));
  const sums = captured.map((value) => input('sum', b.typeOf(value)));
  const index = typed(inner.sub(last, iteration), tensorType('int64', []));
  const slice = (of: ValueId, axis: number, reverse: boolean): ValueId =>
    inner.op('Gather', [of, reverse ? iteration : index], int('axis', axis));

  const now = [
    ...loop.states.map((state, at) => typed(inner.op('Gather', [kept[at]!, index]), b.typeOf(state))),
    ...loop.slices.map(({ from, input: slot, axis, reverse }) =>
      typed(slice(from, axis, reverse), b.typeOf(slot)),
    ),
  ];
  const { ops, outputs } = again(inner, op, loop.body, [...loop.lead(inner, index), ...now]);
  const upstream: (readonly [ValueId, ValueId])[] = states.map((position, at) => [
    outputs[loop.skipped + position]!,
    given[at]!,
  ]);
  loop.scans.forEach(({ index: position, axis, reverse }, at) => {
    const gradient = dy[loop.states.length + at];
    if (gradient !== undefined) upstream.push([outputs[position]!, slice(gradient, axis, reverse)]);
  });
  const sources = [
    ...states.map((at) => now[at]!),
    ...captured,
    ...slices.map((at) => now[loop.states.length + at]!),
  ];
  const found = step.backward(inner, ops, upstream, sources);
  const results = sources.map((source, at) => {
    const sum = sums[at - states.length];
    const gradient = found[at];
    if (sum !== undefined) return gradient === undefined ? sum : inner.add(sum, gradient);
    return gradient ?? inner.zerosLike(source);
  });
  close(inner, [iteration, condition, ...given, ...sums], [condition, ...results]);
  return inner.graph;
}

/** Slices that were stacked from the last to the first, in the order and along the axis of where they were taken from. */
function inPlace(b: Builder, stacked: ValueId, axis: number, reverse: boolean, rank: number): ValueId {
  // The gradient's loop runs backwards: what the forward one read backwards is in order already.
  const ordered = reverse
    ? stacked
    : b.op('Slice', [stacked, b.list([-1]), b.list([Number.MIN_SAFE_INTEGER]), b.list([0]), b.list([-1])]);
  if (axis === 0) return ordered;
  const perm = Array.from({ length: rank }, (_, to) => (to < axis ? to + 1 : to === axis ? 0 : to));
  return b.transpose(ordered, perm);
}

/** An output that nobody reads may be left out: then it is given a name. */
function existing(b: Builder, op: Op, y: readonly ValueId[], index: number): ValueId {
  if (y[index]) return y[index];
  const { editor } = b;
  const outputs = [...editor.op(op.id).outputs];
  const state = bodyOf(b, op, 'body');
  const type = b.typeOf(state.outputs[index + (op.type === 'Loop' ? 1 : 0)]!);
  outputs[index] = editor.addValue(op.graph, {
    name: b.unique(`grad/${op.type}_state`),
    ...(type && { type }),
  });
  editor.setOp(op.id, { outputs });
  return outputs[index]!;
}

const loop: Rule = (step) => {
  const { b, op } = step;
  const body = bodyOf(b, op, 'body');
  const states = body.inputs.slice(2);
  const scans = body.outputs.slice(1 + states.length);
  if (states.some((one) => b.typeOf(one)?.kind !== 'tensor')) return b.refuse('its state is a sequence');
  const described: Iterated = {
    body,
    states,
    slices: [],
    scans: scans.map((_, at) => ({ index: 1 + states.length + at, axis: 0, reverse: false })),
    lead: (inner, index) => [index, inner.constant({ dtype: 'bool', dims: [], bytes: Uint8Array.of(1) })],
    skipped: 1,
    extended: () => undefined,
  };
  return iterate(
    step,
    described,
    states.map((_, at) => at + 2),
    body.inputs[0]!,
  );
};

const scan: Rule = (step) => {
  const { b, op, x } = step;
  const body = bodyOf(b, op, 'body');
  const slices = attributeInt(op, 'num_scan_inputs', 0);
  const states = body.inputs.slice(0, body.inputs.length - slices);
  const outputs = body.outputs.slice(states.length);
  const list = (name: string): readonly number[] => attributeInts(op, name) ?? [];
  const axisOf = (name: string, at: number, rank: number): number => {
    const axis = list(name)[at] ?? 0;
    return axis < 0 ? axis + rank : axis;
  };
  const described: Iterated = {
    body,
    states,
    slices: body.inputs.slice(states.length).map((input, at) => {
      const from = x[states.length + at]!;
      return {
        from,
        input,
        axis: axisOf('scan_input_axes', at, b.rank(from)),
        reverse: list('scan_input_directions')[at] === 1,
      };
    }),
    scans: outputs.map((output, at) => ({
      index: states.length + at,
      axis: axisOf('scan_output_axes', at, b.rank(output) + 1),
      reverse: list('scan_output_directions')[at] === 1,
    })),
    lead: () => [],
    skipped: 0,
    // What is kept comes after the other scan outputs, along the first axis and in order.
    extended: (extra) => {
      const more = new Array<bigint>(extra).fill(0n);
      const attributes = b.editor
        .op(op.id)
        .attributes.map((one) =>
          one.kind === 'ints' && (one.name === 'scan_output_axes' || one.name === 'scan_output_directions')
            ? { name: one.name, kind: 'ints' as const, value: [...one.value, ...more] }
            : one,
        );
      b.editor.setOp(op.id, { attributes });
    },
  };
  const marker = b.editor.addValue(body.id, { name: b.unique('grad/step') });
  const constant = b.editor.addOp(body.id, {
    type: 'Identity',
    inputs: [b.scalarOf(0, 'int64')],
    outputs: [marker],
  });
  b.editor.setGraph(body.id, { ops: [...body.ops, constant] });
  return iterate(
    step,
    described,
    body.inputs.map((_, at) => at),
    marker,
  );
};

export const control: Rules = { If: branch, Loop: loop, Scan: scan };
