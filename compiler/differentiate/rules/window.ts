// Convolutions and pooling.

import { attributeString, type Op, type ValueId } from '../../../ir/index.ts';
import { type Builder, int, ints } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';
import { attributesOf, kernelGradient, product, type Window } from './kernel-gradient.ts';
import { maxPool } from './max-pool.ts';

/** How the window of a convolution or a pool moves; `auto_pad` worked out, for which sizes must be known. */
function windowOf(b: Builder, op: Op, x: ValueId, kernelSizes: readonly number[] | undefined): Window {
  const kernel = b.ints(op, 'kernel_shape') ?? kernelSizes ?? b.refuse('the size of its kernel is not known');
  const count = kernel.length;
  const strides = b.ints(op, 'strides') ?? new Array<number>(count).fill(1);
  const dilations = b.ints(op, 'dilations') ?? new Array<number>(count).fill(1);
  const auto = attributeString(op, 'auto_pad') ?? 'NOTSET';
  const none = new Array<number>(2 * count).fill(0);
  if (auto === 'NOTSET') return { kernel, strides, dilations, pads: b.ints(op, 'pads') ?? none };
  if (auto === 'VALID') return { kernel, strides, dilations, pads: none };
  const totals = b
    .dims(x)
    .slice(2)
    .map((size, axis) => {
      const extent = (kernel[axis]! - 1) * dilations[axis]! + 1;
      // At stride 1 the size does not matter.
      if (strides[axis] === 1) return extent - 1;
      if (typeof size !== 'number') return b.refuse(`${auto} needs sizes that are known`);
      return Math.max(0, (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + extent - size);
    });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total, axis) => total - small[axis]!);
  return {
    kernel,
    strides,
    dilations,
    pads: auto === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small],
  };
}

/**
 * The input of a convolution from its output: a transposed convolution. Elements at the end that no window reached
 * are put back as zeros.
 */
function spreadOut(
  b: Builder,
  given: ValueId,
  kernel: ValueId,
  like: ValueId,
  window: Window,
  group: number,
  sizes?: readonly number[],
): ValueId {
  const [from, to] = [b.sizes(like)?.slice(2), sizes];
  if (from !== undefined && to !== undefined) {
    // How far the windows go beyond the input's end: the last may stop short of the padding.
    const beyond = from.map((size, axis) => {
      const reached =
        (to[axis]! - 1) * window.strides[axis]! + (window.kernel[axis]! - 1) * window.dilations[axis]! + 1;
      return reached - window.pads[axis]! - size;
    });
    const pads = [...window.pads.slice(0, from.length), ...beyond.map((one) => Math.max(0, one))];
    const rest = beyond.map((one) => Math.max(0, -one));
    if (rest.every((one, axis) => one < Math.max(window.strides[axis]!, window.dilations[axis]!)))
      return b.op(
        'ConvTranspose',
        [given, kernel],
        ...attributesOf({ ...window, pads }, group),
        ints('output_padding', rest),
      );
  }
  return reachedInput(b, given, kernel, b.shapeOf(like), window, group);
}

/** The same where sizes are only known when it runs. */
function reachedInput(
  b: Builder,
  given: ValueId,
  kernel: ValueId,
  shape: ValueId,
  window: Window,
  group: number,
): ValueId {
  // What lies in the padding at the end is cut off with what is missing.
  const pads = window.pads.map((size, at) => (at < window.kernel.length ? size : 0));
  const reached = b.op('ConvTranspose', [given, kernel], ...attributesOf({ ...window, pads }, group));
  const missing = b.sub(shape, b.shape(reached));
  const none = b.list(new Array<number>(window.kernel.length + 2).fill(0));
  return b.op('Pad', [reached, b.op('Concat', [none, missing], int('axis', 0))]);
}

const biasAxes = (b: Builder, y: ValueId): number[] => [
  0,
  ...Array.from({ length: b.rank(y) - 2 }, (_, axis) => axis + 2),
];

const conv: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const [input, kernel] = x as [ValueId, ValueId];
  const group = b.int(op, 'group', 1);
  const open = openPads(b, op, input, b.sizes(kernel)?.slice(2));
  // Padding that is only known when it runs is an op of its own.
  const padded = open === undefined ? input : b.op('Pad', [input, open]);
  const window =
    open === undefined
      ? windowOf(b, op, input, b.sizes(kernel)?.slice(2))
      : {
          ...stepsOf(b, op, b.sizes(kernel)?.slice(2)),
          pads: new Array<number>(2 * (b.rank(input) - 2)).fill(0),
        };
  const toInput = (): ValueId => {
    const sizes = b.sizes(y[0]!)?.slice(2);
    if (open === undefined) return spreadOut(b, dy[0]!, kernel, input, window, group, sizes);
    const whole = reachedInput(b, dy[0]!, kernel, b.shape(padded), window, group);
    return b.op('Pad', [whole, b.neg(open)]);
  };
  return [
    step.wants(0) ? toInput() : undefined,
    step.wants(1)
      ? kernelGradient(b, {
          input: padded,
          given: dy[0]!,
          inputDims: b.dims(input),
          givenDims: b.dims(y[0]!),
          dtype: b.dtype(input),
          window,
          group,
          exact: true,
        })
      : undefined,
    x[2] && step.wants(2) ? b.sum(dy[0]!, biasAxes(b, y[0]!)) : undefined,
  ];
};

function stepsOf(
  b: Builder,
  op: Op,
  kernelSizes?: readonly number[],
): Pick<Window, 'kernel' | 'strides' | 'dilations'> {
  const sizes = b.ints(op, 'kernel_shape') ?? kernelSizes ?? b.refuse('the size of its kernel is not known');
  const ones = new Array<number>(sizes.length).fill(1);
  return {
    kernel: sizes,
    strides: b.ints(op, 'strides') ?? ones,
    dilations: b.ints(op, 'dilations') ?? ones,
  };
}

/** What SAME_UPPER and SAME_LOWER come to where sizes are not known, as the pads of a Pad; undefined if they are. */
function openPads(b: Builder, op: Op, input: ValueId, kernelSizes?: readonly number[]): ValueId | undefined {
  const auto = attributeString(op, 'auto_pad') ?? 'NOTSET';
  if (!auto.startsWith('SAME')) return undefined;
  const window = stepsOf(b, op, kernelSizes);
  const spatial = b.dims(input).slice(2);
  if (spatial.every((size, axis) => typeof size === 'number' || window.strides[axis] === 1)) return undefined;
  const extents = b.list(window.kernel.map((size, axis) => (size - 1) * window.dilations[axis]! + 1));
  const strides = b.list(window.strides);
  const sizes = b.op('Shape', [input], int('start', 2));
  const one = b.scalarOf(1, 'int64');
  // (⌈size / stride⌉ - 1) · stride + extent - size, if that is more than none
  const whole = b.mul(b.div(b.sub(sizes, one), strides), strides);
  const total = b.op('Max', [b.sub(b.add(whole, extents), sizes), b.scalarOf(0, 'int64')]);
  return splitPads(b, total, auto === 'SAME_UPPER');
}

/** Half of it before each axis and half behind, as the pads of a Pad; of an odd one, more behind if it is upper. */
function splitPads(b: Builder, total: ValueId, isUpper: boolean): ValueId {
  const small = b.div(total, b.scalarOf(2, 'int64'));
  const large = b.sub(total, small);
  const none = b.list([0, 0]);
  return b.op('Concat', isUpper ? [none, small, none, large] : [none, large, none, small], int('axis', 0));
}

/** With these there may be room for another window at the end. */
const growing = new Set(['output_padding', 'output_shape', 'auto_pad']);

const convTranspose: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const [input, kernel] = x as [ValueId, ValueId];
  const { window, open } = transposedWindow(b, op, input, kernel);
  const group = b.int(op, 'group', 1);
  const exact = !op.attributes.some(({ name }) => growing.has(name));
  const given = open === undefined ? dy[0]! : b.op('Pad', [dy[0]!, open]);
  const gathered = (): ValueId => {
    const made = b.op('Conv', [given, kernel], ...attributesOf(window, group));
    if (exact) return made;
    const axes = window.kernel.map((_, axis) => axis + 2);
    const sizes = b.op('Slice', [b.shapeOf(input), b.list([2]), b.list([axes.length + 2])]);
    return b.op('Slice', [made, b.list(axes.map(() => 0)), sizes, b.list(axes)]);
  };
  return [
    step.wants(0) ? gathered() : undefined,
    // Input and output have changed sides.
    step.wants(1)
      ? kernelGradient(b, {
          input: given,
          given: input,
          inputDims: b.dims(y[0]!),
          givenDims: b.dims(input),
          dtype: b.dtype(input),
          window,
          group,
          exact,
        })
      : undefined,
    x[2] && step.wants(2) ? b.sum(dy[0]!, biasAxes(b, y[0]!)) : undefined,
  ];
};

/** With the pads of a Pad where they are only known when it runs. */
function transposedWindow(
  b: Builder,
  op: Op,
  input: ValueId,
  kernel: ValueId,
): { readonly window: Window; readonly open?: ValueId } {
  const kernelSizes = b.sizes(kernel)?.slice(2);
  const auto = attributeString(op, 'auto_pad') ?? 'NOTSET';
  const wanted = b.ints(op, 'output_shape')?.slice(2 - b.rank(input));
  if (wanted === undefined && !auto.startsWith('SAME'))
    return { window: windowOf(b, op, input, kernelSizes) };
  const steps = stepsOf(b, op, kernelSizes);
  const { strides, dilations } = steps;
  const padding = b.ints(op, 'output_padding') ?? strides.map(() => 0);
  // So much longer than the strides.
  const longer = steps.kernel.map(
    (size, axis) => padding[axis]! + (size - 1) * dilations[axis]! + 1 - strides[axis]!,
  );
  const sizes = b.sizes(input)?.slice(2);
  const isUpper = auto === 'SAME_UPPER';
  if (wanted !== undefined && sizes === undefined) {
    const whole = b.mul(b.op('Shape', [input], int('start', 2)), b.list(strides));
    const rest = b.add(whole, b.list(longer.map((one, axis) => one - wanted[axis]!)));
    const pads = splitPads(b, b.op('Max', [rest, b.scalarOf(0, 'int64')]), isUpper);
    return { window: { ...steps, pads: [...strides, ...strides].map(() => 0) }, open: pads };
  }
  const totals = longer.map((one, axis) =>
    // Without a size of its own, the result is as many strides long.
    Math.max(0, wanted === undefined ? one : strides[axis]! * sizes![axis]! + one - wanted[axis]!),
  );
  const half = totals.map((total) => Math.floor(total / 2));
  const rest = totals.map((total, axis) => total - half[axis]!);
  return { window: { ...steps, pads: isUpper ? [...half, ...rest] : [...rest, ...half] } };
}

const averagePool: Rule = (step) => {
  const { b, op, x, dy } = step;
  const { window, begins } = poolWindow(b, op, x[0]!);
  const whole =
    begins === undefined && window.pads.every((one) => one === 0) && b.int(op, 'ceil_mode', 0) === 0;
  if (whole) return [pooledInput(step, window, undefined, dy[0]!, 1 / product(window.kernel))];
  return [pooledInput(step, window, begins, b.div(dy[0]!, windowSize(b, op, x[0]!, window)))];
};

/** With what lies before each axis as a value where that is only known when it runs. */
function poolWindow(
  b: Builder,
  op: Op,
  input: ValueId,
): { readonly window: Window; readonly begins?: ValueId } {
  const open = openPads(b, op, input);
  if (open === undefined) return { window: windowOf(b, op, input, undefined) };
  const count = b.rank(input) - 2;
  const window = { ...stepsOf(b, op), pads: new Array<number>(2 * count).fill(0) };
  return { window, begins: b.op('Slice', [open, b.list([2]), b.list([count + 2])]) };
}

/** (Σ |x|ᵖ)^(1/p) */
const lpPool: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const p = b.int(op, 'p', 2);
  const power = (value: ValueId, exponent: number): ValueId =>
    b.op('Pow', [value, b.scalar(exponent, x[0]!)]);
  const zero = b.scalar(0, x[0]!);
  const share = b.where(b.op('Equal', [y[0]!, zero]), zero, b.mul(dy[0]!, power(y[0]!, 1 - p)));
  const { window, begins } = poolWindow(b, op, x[0]!);
  const spread = pooledInput(step, window, begins, share);
  return [b.mul(spread, b.mul(b.op('Sign', [x[0]!]), power(b.op('Abs', [x[0]!]), p - 1)))];
};

/** Sums go back where they came from, `factor` times: a transposed convolution, each channel for itself. */
function pooledInput(
  { b, op, x, y }: Step,
  window: Window,
  begins: ValueId | undefined,
  share: ValueId,
  factor = 1,
): ValueId {
  const input = x[0]!;
  const count = window.kernel.length;
  // As a batch of their own if their number is not known.
  const channels = b.dims(input)[1];
  const alone = typeof channels !== 'number';
  const rows = (value: ValueId): ValueId =>
    b.op('Reshape', [
      value,
      b.op('Concat', [b.list([-1, 1]), b.op('Shape', [value], int('start', 2))], int('axis', 0)),
    ]);
  const factors = b.full(factor, [alone ? 1 : channels, 1, ...window.kernel], input);
  const outs = b.sizes(y[0]!)?.slice(2);
  const begin = begins ?? b.list(window.pads.slice(0, count));
  if (!alone && outs !== undefined && b.sizes(input) !== undefined && b.int(op, 'ceil_mode', 0) === 0)
    return spreadOut(b, share, factors, input, window, channels, outs);
  const spatial = b.op('Slice', [b.shapeOf(input), b.list([2]), b.list([count + 2])]);
  const parts = alone ? rows(share) : share;
  const back = pooledBack(b, parts, factors, spatial, begin, window, alone ? 1 : channels);
  return alone ? b.reshapeLike(back, input) : back;
}

/** How many elements each mean is of. */
function windowSize(b: Builder, op: Op, input: ValueId, window: Window): ValueId {
  const spatial = b.op('Slice', [b.shapeOf(input), b.list([2]), b.list([window.kernel.length + 2])]);
  const shape = b.op('Concat', [b.list([1, 1]), spatial], int('axis', 0));
  const ones = b.op('Expand', [b.scalar(1, input), shape]);
  const others = op.attributes.filter(({ name }) => name !== 'count_include_pad');
  const inside = b.op('Max', [b.op('LpPool', [ones], ...others, int('p', 1)), b.scalar(1, input)]);
  if (b.int(op, 'count_include_pad', 0) === 0) return inside;
  // The mean of ones with the padding counted is the part of the window inside; what lies beyond the padding, where
  // sizes are rounded up, counts for nothing.
  return b.div(inside, b.op('AveragePool', [ones], ...others, int('count_include_pad', 1)));
}

/** A transposed convolution without padding, of which the wanted part is cut out. */
function pooledBack(
  b: Builder,
  share: ValueId,
  kernel: ValueId,
  spatial: ValueId,
  begin: ValueId,
  window: Window,
  group: number,
): ValueId {
  const count = window.kernel.length;
  const none = new Array<number>(2 * count).fill(0);
  const full = b.op('ConvTranspose', [share, kernel], ...attributesOf({ ...window, pads: none }, group));
  // At the end there may be too few: elements that no window reached.
  const wanted = b.add(begin, spatial);
  const has = b.op('Shape', [full], int('start', 2));
  const lacking = b.op('Max', [b.sub(wanted, has), b.list(new Array(count).fill(0))]);
  const grown = b.op('Pad', [
    full,
    b.op(
      'Concat',
      [b.list([0, 0]), b.list(new Array(count).fill(0)), b.list([0, 0]), lacking],
      int('axis', 0),
    ),
  ]);
  return b.op('Slice', [grown, begin, wanted, b.list(Array.from({ length: count }, (_, axis) => axis + 2))]);
}

/** Each element went to where its index says. */
const maxUnpool: Rule = ({ b, x, dy }) => [
  b.reshapeLike(b.op('Gather', [b.flat(dy[0]!), b.flat(x[1]!)], int('axis', 0)), x[0]!),
];

export const windows: Rules = {
  Conv: conv,
  ConvTranspose: convTranspose,
  AveragePool: averagePool,
  LpPool: lpPool,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
};
