// RNN, GRU and LSTM, in float64 from step to step; what is stored has the input's type.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { numbersOf } from '../loops/shape.ts';
import { sigmoid, softplus } from '../loops/special.ts';
import { allocate, type Floats, familyOf, type NdArray, settled } from '../value.ts';
import { transposed } from './movement.ts';

type Scalar = (x: number) => number;

/** By lower-case name, as attributes give them; alpha and beta where the function has them. */
const activations: Readonly<Record<string, (alpha?: number, beta?: number) => Scalar>> = {
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  relu: () => (x) => Math.max(0, x),
  softsign: () => (x) => x / (1 + Math.abs(x)),
  softplus: () => softplus,
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      alpha * x + beta,
  leakyrelu:
    (alpha = 0.01) =>
    (x) =>
      x < 0 ? alpha * x : x,
  thresholdedrelu:
    (alpha = 1) =>
    (x) =>
      x > alpha ? x : 0,
  scaledtanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      alpha * Math.tanh(beta * x),
  hardsigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      Math.min(1, Math.max(0, alpha * x + beta)),
  elu:
    (alpha = 1) =>
    (x) =>
      x < 0 ? alpha * Math.expm1(x) : x,
};
const withAlpha = new Set(['affine', 'leakyrelu', 'thresholdedrelu', 'scaledtanh', 'hardsigmoid', 'elu']);
const withBeta = new Set(['affine', 'scaledtanh', 'hardsigmoid']);

/** The activation functions, in order, of all directions; the attributes' numbers go to those that take some. */
function activationsOf(op: OpContext, defaults: readonly string[], directions: number): readonly Scalar[] {
  const names = op.strings('activations') ?? Array.from({ length: directions }, () => defaults).flat();
  const [alphas, betas] = [op.floats('activation_alpha') ?? [], op.floats('activation_beta') ?? []];
  let [alpha, beta] = [0, 0];
  return names.map((given) => {
    const name = given.toLowerCase();
    const make = activations[name];
    if (make === undefined) throw new Invalid(`no activation is called ${given}`);
    return make(
      withAlpha.has(name) ? alphas[alpha++] : undefined,
      withBeta.has(name) ? betas[beta++] : undefined,
    );
  });
}

/** What one direction's cell works on: rows of one batch entry. */
interface Cell {
  readonly hidden: number;
  readonly clip: Scalar;
  readonly functions: readonly Scalar[];
  readonly op: OpContext;
  /** Gates of the input: W x + Wb, gate after gate. */
  readonly input: Float64Array;
  /** R h + Rb of a gate. */
  readonly recurrent: (gate: number, h: ArrayLike<number>) => Float64Array;
  /** Peephole weight of a gate at a unit. */
  readonly peephole: (gate: number, unit: number) => number;
}
/** Computes the next h (and c) in place. */
type Step = (cell: Cell, h: Float64Array, c: Float64Array) => void;

const rnnStep: Step = ({ hidden, clip, functions: [f], input, recurrent }, h) => {
  const r = recurrent(0, h);
  for (let unit = 0; unit < hidden; unit++) h[unit] = f!(clip(input[unit]! + r[unit]!));
};

const lstmStep: Step = ({ op, hidden, clip, functions: [f, g, o], input, recurrent, peephole }, h, c) => {
  const [ri, ro, rf, rc] = [recurrent(0, h), recurrent(1, h), recurrent(2, h), recurrent(3, h)];
  const coupled = op.int('input_forget', 0) === 1;
  for (let unit = 0; unit < hidden; unit++) {
    const before = c[unit]!;
    const inGate = f!(clip(input[unit]! + ri![unit]! + peephole(0, unit) * before));
    const forget = coupled
      ? 1 - inGate
      : f!(clip(input[2 * hidden + unit]! + rf![unit]! + peephole(2, unit) * before));
    const fresh = g!(clip(input[3 * hidden + unit]! + rc![unit]!));
    c[unit] = forget * before + inGate * fresh;
    const outGate = f!(clip(input[hidden + unit]! + ro![unit]! + peephole(1, unit) * c[unit]!));
    h[unit] = outGate * o!(c[unit]!);
  }
};

const gruStep: Step = ({ op, hidden, clip, functions: [f, g], input, recurrent }, h) => {
  const [rz, rr] = [recurrent(0, h), recurrent(1, h)];
  const reset = rr!.map((r, unit) => f!(clip(input[hidden + unit]! + r)));
  const after = op.int('linear_before_reset', 0) === 1;
  const rh = after
    ? recurrent(2, h)
    : recurrent(
        2,
        h.map((one, unit) => one * reset[unit]!),
      );
  for (let unit = 0; unit < hidden; unit++) {
    const update = f!(clip(input[unit]! + rz![unit]!));
    const fresh = g!(clip(input[2 * hidden + unit]! + (after ? reset[unit]! * rh[unit]! : rh[unit]!)));
    h[unit] = (1 - update) * fresh + update * h[unit]!;
  }
};

interface Kind {
  readonly gates: number;
  readonly activations: readonly string[];
  readonly step: Step;
}

/** A net as it is given: sequence first, weights of each direction one after another. */
interface Net extends Kind {
  readonly op: OpContext;
  /** [length, batch, width] */
  readonly x: NdArray;
  readonly w: NdArray;
  readonly r: NdArray;
  readonly bias: NdArray | undefined;
  readonly peepholes: NdArray | undefined;
  readonly functions: readonly Scalar[];
  readonly clip: Scalar;
  readonly hidden: number;
}

/** W x + Wb of all gates at once. */
function inputGates({ x, w, bias, gates, hidden }: Net, direction: number, from: number): Float64Array {
  const width = x.dims[2]!;
  const sums = new Float64Array(gates * hidden);
  for (let unit = 0; unit < sums.length; unit++) {
    let sum = bias === undefined ? 0 : (bias.data[direction * 2 * sums.length + unit] as number);
    const weights = (direction * sums.length + unit) * width;
    for (let k = 0; k < width; k++) sum += (w.data[weights + k] as number) * (x.data[from + k] as number);
    sums[unit] = sum;
  }
  return sums;
}

/** R h + Rb of one gate. */
function recurrentGate(net: Net, direction: number, gate: number, h: ArrayLike<number>): Float64Array {
  const { r, bias, gates, hidden } = net;
  const sums = new Float64Array(hidden);
  for (let unit = 0; unit < hidden; unit++) {
    const row = ((direction * gates + gate) * hidden + unit) * hidden;
    let sum =
      bias === undefined ? 0 : (bias.data[((2 * direction + 1) * gates + gate) * hidden + unit] as number);
    for (let k = 0; k < hidden; k++) sum += (r.data[row + k] as number) * h[k]!;
    sums[unit] = sum;
  }
  return sums;
}

/** One batch entry in one direction, `count` steps; h and c end as the last ones. */
function walk(
  net: Net,
  direction: number,
  row: number,
  count: number,
  h: Float64Array,
  c: Float64Array,
  y: Floats,
) {
  const { op, x, peepholes, hidden, clip } = net;
  const [, batch, width] = x.dims as [number, number, number];
  const directions = net.w.dims[0]!;
  const backwards = direction === 1 || op.string('direction', 'forward') === 'reverse';
  const functions = net.functions.slice(direction * net.activations.length);
  const peephole = (gate: number, unit: number): number =>
    peepholes === undefined ? 0 : (peepholes.data[(direction * 3 + gate) * hidden + unit] as number);
  for (let done = 0; done < count; done++) {
    const time = backwards ? count - 1 - done : done;
    const input = inputGates(net, direction, (time * batch + row) * width);
    const recurrent = (gate: number, from: ArrayLike<number>): Float64Array =>
      recurrentGate(net, direction, gate, from);
    net.step({ op, hidden, clip, functions, input, recurrent, peephole }, h, c);
    y.set(h, ((time * directions + direction) * batch + row) * hidden);
  }
}

function netOf(
  kind: Kind,
  op: OpContext,
  x: NdArray,
  [w, r, bias, peepholes]: readonly (NdArray | undefined)[],
): Net {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  const limit = op.float('clip');
  const clip: Scalar =
    limit === undefined ? (value) => value : (value) => Math.min(limit, Math.max(-limit, value));
  const functions = activationsOf(op, kind.activations, w!.dims[0]!);
  return { ...kind, op, x, w: w!, r: r!, bias, peepholes, functions, clip, hidden: r!.dims[2]! };
}

function recurrent(kind: Kind) {
  return (op: OpContext, given: NdArray, w: NdArray, r: NdArray, ...rest: (NdArray | undefined)[]) => {
    const [bias, lengths, startH, startC, peepholes] = rest;
    const batchFirst = op.int('layout', 0) === 1;
    const swapped = (one: NdArray): NdArray => (batchFirst ? transposed(one, [1, 0, 2]) : one);
    const net = netOf(kind, op, swapped(given), [w, r, bias, peepholes]);
    const { x, hidden } = net;
    const [length, batch] = x.dims as [number, number];
    const directions = w.dims[0]!;
    const y = allocate(x.dtype, length * directions * batch * hidden) as Floats;
    const last = [0, 1].map(() => allocate(x.dtype, directions * batch * hidden) as Floats);
    const starts = [startH, startC].map((one) => one && swapped(one));
    const counts = lengths && numbersOf(lengths);
    for (let direction = 0; direction < directions; direction++) {
      for (let row = 0; row < batch; row++) {
        const at = (direction * batch + row) * hidden;
        const [h, c] = starts.map((start) =>
          Float64Array.from({ length: hidden }, (_, unit) => Number(start?.data[at + unit] ?? 0)),
        ) as [Float64Array, Float64Array];
        walk(net, direction, row, counts?.[row] ?? length, h, c, y);
        last[0]!.set(h, at);
        last[1]!.set(c, at);
      }
    }
    const all = settled(x.dtype, [length, directions, batch, hidden], y);
    return [
      batchFirst ? transposed(all, [2, 0, 1, 3]) : all,
      ...last.map((data) => swapped(settled(x.dtype, [directions, batch, hidden], data))),
    ];
  };
}

export const recurrentNets = kernels('', {
  RNN: recurrent({ gates: 1, activations: ['Tanh'], step: rnnStep }),
  GRU: recurrent({ gates: 3, activations: ['Sigmoid', 'Tanh'], step: gruStep }),
  LSTM: recurrent({ gates: 4, activations: ['Sigmoid', 'Tanh', 'Tanh'], step: lstmStep }),
});
