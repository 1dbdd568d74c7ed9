// RNN, GRU and LSTM as a Scan over their steps, one for each direction (ONNX operators of these names, opset 14).

import {
  type Attribute,
  attributeFloat,
  attributeInt,
  attributeString,
  findAttribute,
  NO_VALUE,
  type Op,
  type ValueId,
} from '../../ir/index.ts';
import { type Builder, float, int } from './builder.ts';

type Kind = 'RNN' | 'GRU' | 'LSTM';
/** How many matrices the gates have, and how many activations a direction. */
const gates: Readonly<Record<Kind, number>> = { RNN: 1, GRU: 3, LSTM: 4 };
const activations: Readonly<Record<Kind, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};
/** One gate's function: an operator, with factors of its own where it takes some. */
interface Activation {
  readonly type: string;
  readonly alpha: number | undefined;
  readonly beta: number | undefined;
}
/** Which factors each function takes. Affine is alpha · x + beta, ScaledTanh alpha · tanh(beta · x). */
const functions: Readonly<Record<string, readonly ('alpha' | 'beta')[]>> = {
  Sigmoid: [],
  Tanh: [],
  Relu: [],
  Softsign: [],
  Softplus: [],
  Elu: ['alpha'],
  LeakyRelu: ['alpha'],
  ThresholdedRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  Affine: ['alpha', 'beta'],
  ScaledTanh: ['alpha', 'beta'],
};

function activated(b: Builder, { type, alpha, beta }: Activation, value: ValueId, like: ValueId): ValueId {
  const times = (factor: number | undefined, of: ValueId): ValueId =>
    factor === undefined || factor === 1 ? of : b.mul(of, b.scalar(factor, like));
  if (type === 'Affine') {
    const product = times(alpha, value);
    return beta === undefined || beta === 0 ? product : b.add(product, b.scalar(beta, like));
  }
  if (type === 'ScaledTanh') return times(alpha, b.op('Tanh', [times(beta, value)]));
  const factors = { alpha, beta };
  const given = functions[type]!.flatMap((name) =>
    factors[name] === undefined ? [] : [float(name, factors[name])],
  );
  return b.op(type, [value], ...given);
}

export const isRecurrent = (type: string): type is Kind => Object.hasOwn(gates, type);

/** What a direction computes with. */
interface Direction {
  readonly kind: Kind;
  /** Transposed, all gates beside one another: [hidden, gates · hidden]. */
  readonly recurrence: ValueId;
  /** The part of the bias that is added to the recurrence of GRU's hidden gate. */
  readonly inner: ValueId | undefined;
  /** For LSTM: of the input, output and forget gates, [hidden] each. */
  readonly peepholes: readonly ValueId[] | undefined;
  readonly activate: (b: Builder, index: number, value: ValueId) => ValueId;
  /** What goes into an activation, held within the limit if there is one. */
  readonly clip: (b: Builder, value: ValueId) => ValueId;
  /** Whether LSTM forgets as much as it takes in. */
  readonly coupled: boolean;
  readonly resetAfter: boolean;
}

/** Y, Y_h and, of LSTM, Y_c. */
export function expandRecurrent(b: Builder, op: Op): readonly ValueId[] {
  const kind = op.type as Kind;
  const batchFirst = attributeInt(op, 'layout', 0) === 1;
  const turn = (value: ValueId, perm: readonly number[]): ValueId =>
    batchFirst && value !== NO_VALUE ? b.transpose(value, perm) : value;
  const [x, w, r, bias, lengths, h, c, p] = Array.from(
    { length: 8 },
    (_, at) => op.inputs[at] ?? NO_VALUE,
  ) as ValueId[];
  const input = turn(x!, [1, 0, 2]);
  const direction = attributeString(op, 'direction') ?? 'forward';
  const count = direction === 'bidirectional' ? 2 : 1;
  const [states, sequences]: [ValueId[][], ValueId[]] = [[], []];
  for (let at = 0; at < count; at++) {
    const reverse = direction === 'reverse' || at === 1;
    const of = (value: ValueId): ValueId =>
      value === NO_VALUE ? NO_VALUE : b.op('Gather', [value, b.scalarOf(at, 'int64')], int('axis', 0));
    const given = reverse ? reversed(b, input, lengths!) : input;
    const initial = [turn(h!, [1, 0, 2]), ...(kind === 'LSTM' ? [turn(c!, [1, 0, 2])] : [])].map((one) =>
      one === NO_VALUE ? zeroState(b, input, r!) : of(one),
    );
    const parameters = { w: of(w!), r: of(r!), bias: of(bias!), p: of(p!) };
    const { state, sequence } = oneDirection(b, op, kind, at, given, lengths!, initial, parameters);
    states.push(state);
    sequences.push(reverse ? reversed(b, sequence, lengths!) : sequence);
  }
  const stack = (parts: readonly ValueId[], axis: number): ValueId =>
    b.op(
      'Concat',
      parts.map((part) => b.op('Unsqueeze', [part, b.list([axis])])),
      int('axis', axis),
    );
  const all = stack(sequences, 1);
  const finals = initialCount(kind).map((at) =>
    stack(
      states.map((one) => one[at]!),
      0,
    ),
  );
  return [batchFirst ? b.transpose(all, [2, 0, 1, 3]) : all, ...finals.map((one) => turn(one, [1, 0, 2]))];
}

const initialCount = (kind: Kind): readonly number[] => (kind === 'LSTM' ? [0, 1] : [0]);

function oneDirection(
  b: Builder,
  op: Op,
  kind: Kind,
  at: number,
  given: ValueId,
  lengths: ValueId,
  initial: readonly ValueId[],
  {
    w,
    r,
    bias,
    p,
  }: { readonly w: ValueId; readonly r: ValueId; readonly bias: ValueId; readonly p: ValueId },
): { readonly state: ValueId[]; readonly sequence: ValueId } {
  const resetAfter = attributeInt(op, 'linear_before_reset', 0) !== 0;
  let before = b.op('MatMul', [given, b.transpose(w, [1, 0])]);
  let inner: ValueId | undefined;
  if (bias !== NO_VALUE) {
    const [own, recurrent] = b.ops('Split', [bias], 2, int('axis', 0), int('num_outputs', 2)) as [
      ValueId,
      ValueId,
    ];
    if (kind === 'GRU' && resetAfter) {
      const [z, reset, hidden] = b.ops('Split', [recurrent], 3, int('axis', 0), int('num_outputs', 3)) as [
        ValueId,
        ValueId,
        ValueId,
      ];
      inner = hidden;
      const none = b.op('Mul', [hidden, b.scalar(0, op.inputs[0]!)]);
      before = b.add(before, b.add(own, b.op('Concat', [z, reset, none], int('axis', 0))));
    } else before = b.add(before, b.add(own, recurrent));
  }
  const gateFunctions = activationsOf(b, op, kind).slice(at * activations[kind].length);
  const limit = attributeFloat(op, 'clip');
  const direction: Direction = {
    kind,
    recurrence: b.transpose(r, [1, 0]),
    inner,
    peepholes: p === NO_VALUE ? undefined : b.ops('Split', [p], 3, int('axis', 0), int('num_outputs', 3)),
    activate: (builder, index, value) => activated(builder, gateFunctions[index]!, value, op.inputs[0]!),
    clip: (builder, value) =>
      limit === undefined
        ? value
        : builder.op('Clip', [value, b.scalar(-limit, op.inputs[0]!), b.scalar(limit, op.inputs[0]!)]),
    coupled: attributeInt(op, 'input_forget', 0) !== 0,
    resetAfter,
  };
  const body = b.subgraph(`${kind}_step`);
  const { editor } = b;
  const slot = (name: string): ValueId => editor.addValue(body.graph, { name: b.unique(`${kind}/${name}`) });
  const state = initial.map(() => slot('state'));
  const gate = slot('gates');
  const goesOn = lengths === NO_VALUE ? undefined : slot('goes_on');
  const next = oneStep(body, direction, state, gate, op.inputs[0]!);
  const kept =
    goesOn === undefined ? next : next.map((value, index) => body.where(goesOn, value, state[index]!));
  const shown = goesOn === undefined ? next[0]! : body.where(goesOn, next[0]!, body.scalar(0, op.inputs[0]!));
  const inputs = [...state, gate, ...(goesOn === undefined ? [] : [goesOn])];
  inputs.forEach((one, index) => {
    editor.setValue(one, { def: { kind: 'input', index } });
  });
  const outputs = [...kept, shown].map((one) => body.op('Identity', [one]));
  editor.setGraph(body.graph, { inputs, outputs, ops: body.made });
  const slices = [before, ...(goesOn === undefined ? [] : [stillRunning(b, given, lengths)])];
  const attributes: Attribute[] = [
    { name: 'body', kind: 'graph', value: body.graph },
    int('num_scan_inputs', slices.length),
  ];
  const results = b.ops('Scan', [...initial, ...slices], outputs.length, ...attributes);
  return { state: results.slice(0, -1), sequence: results.at(-1)! };
}

/** The next state from the last one and what the input adds to the gates. */
function oneStep(
  b: Builder,
  { kind, recurrence, inner, peepholes, clip, coupled, resetAfter, ...direction }: Direction,
  [h, c]: readonly ValueId[],
  gate: ValueId,
  like: ValueId,
): ValueId[] {
  const activate: Direction['activate'] = (builder, index, value) =>
    direction.activate(builder, index, clip(builder, value));
  if (kind === 'RNN') return [activate(b, 0, b.add(gate, b.op('MatMul', [h!, recurrence])))];
  if (kind === 'LSTM') {
    const parts = b.add(gate, b.op('MatMul', [h!, recurrence]));
    const [i, o, f, g] = b.ops('Split', [parts], 4, int('axis', -1), int('num_outputs', 4)) as [
      ValueId,
      ValueId,
      ValueId,
      ValueId,
    ];
    const seen = (value: ValueId, which: number, cell: ValueId): ValueId =>
      peepholes === undefined ? value : b.add(value, b.mul(peepholes[which]!, cell));
    const input = activate(b, 0, seen(i, 0, c!));
    const forget = coupled ? b.sub(b.scalar(1, like), input) : activate(b, 0, seen(f, 2, c!));
    const cell = b.add(b.mul(forget, c!), b.mul(input, activate(b, 1, g)));
    const output = activate(b, 0, seen(o, 1, cell));
    return [b.mul(output, direction.activate(b, 2, cell)), cell];
  }
  const three = (value: ValueId): [ValueId, ValueId, ValueId] =>
    b.ops('Split', [value], 3, int('axis', -1), int('num_outputs', 3)) as [ValueId, ValueId, ValueId];
  const [xz, xr, xh] = three(gate);
  const [rz, rr, rh] = three(recurrence);
  const update = activate(b, 0, b.add(xz, b.op('MatMul', [h!, rz])));
  const reset = activate(b, 0, b.add(xr, b.op('MatMul', [h!, rr])));
  const after = (): ValueId => {
    const product = b.op('MatMul', [h!, rh]);
    return b.mul(reset, inner === undefined ? product : b.add(product, inner));
  };
  const hidden = activate(b, 1, b.add(xh, resetAfter ? after() : b.op('MatMul', [b.mul(reset, h!), rh])));
  return [b.add(b.mul(b.sub(b.scalar(1, like), update), hidden), b.mul(update, h!))];
}

/** Of all directions. Factors are taken from their lists by the functions that have some, in order. */
function activationsOf(b: Builder, op: Op, kind: Kind): readonly Activation[] {
  const given = findAttribute(op, 'activations');
  const usual = activations[kind];
  const names =
    given?.kind === 'strings'
      ? given.value.map((bytes) => new TextDecoder().decode(bytes))
      : [...usual, ...usual];
  const list = (name: string): number[] => {
    const found = findAttribute(op, name);
    return found?.kind === 'floats' ? [...found.value] : [];
  };
  const [alphas, betas] = [list('activation_alpha'), list('activation_beta')];
  return names.map((name) => {
    // They are written in any case.
    const type =
      Object.keys(functions).find((one) => one.toLowerCase() === name.toLowerCase()) ??
      b.refuse(`its activation is ${name}`);
    const takes = functions[type]!;
    return {
      type,
      alpha: takes.includes('alpha') ? alphas.shift() : undefined,
      beta: takes.includes('beta') ? betas.shift() : undefined,
    };
  });
}

/** Steps in the other order; of each member of the batch only as many as it has. */
function reversed(b: Builder, value: ValueId, lengths: ValueId): ValueId {
  if (lengths !== NO_VALUE)
    return b.op(
      'ReverseSequence',
      [value, b.cast(lengths, 'int64')],
      int('time_axis', 0),
      int('batch_axis', 1),
    );
  const [first, end, axis] = [b.list([-1]), b.list([Number.MIN_SAFE_INTEGER]), b.list([0])];
  return b.op('Slice', [value, first, end, axis, first]);
}

/** [steps, batch, 1]: whether a member of the batch has that step. */
function stillRunning(b: Builder, given: ValueId, lengths: ValueId): ValueId {
  const steps = b.op('Squeeze', [b.op('Shape', [given], int('start', 0), int('end', 1))]);
  const range = b.op('Range', [b.scalarOf(0, 'int64'), steps, b.scalarOf(1, 'int64')]);
  const column = b.op('Reshape', [range, b.list([-1, 1, 1])]);
  const row = b.op('Reshape', [b.cast(lengths, 'int64'), b.list([1, -1, 1])]);
  return b.op('Less', [column, row]);
}

/** [batch, hidden], from the input [steps, batch, …] and the recurrence [directions, …, hidden]. */
function zeroState(b: Builder, input: ValueId, r: ValueId): ValueId {
  const batch = b.op('Shape', [input], int('start', 1), int('end', 2));
  const hidden = b.op('Shape', [r], int('start', 2), int('end', 3));
  return b.op('Expand', [b.scalar(0, r), b.op('Concat', [batch, hidden], int('axis', 0))]);
}
