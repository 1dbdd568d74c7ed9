// What an attribute told once and an input tells now, and back.
//
//   y = ReduceMax<axes = [1]>(x)      opset 13
//   y = ReduceMax(x, axes)            opset 18

import { findAttribute, NO_VALUE, type ValueId } from '../../graph.ts';
import {
  type Adapter,
  type Form,
  floatAttribute,
  intAttribute,
  intsAttribute,
  newOp,
  stringAttribute,
  withAttributes,
  withoutAttributes,
} from '../form.ts';
import type { Made, Workbench } from '../workbench.ts';

/** Lists of ints, in the order of the inputs they become behind the first. */
export const intsToInputs =
  (...names: readonly string[]): Adapter =>
  (op, bench) => {
    if (names.every((name) => findAttribute(op, name) === undefined)) return op;
    const made = names.map((name) => bench.inputOf(op, name));
    const inputs = [...op.inputs, ...made.map((one) => one?.id ?? NO_VALUE)];
    while (inputs.at(-1) === NO_VALUE) inputs.pop();
    return [...made.flatMap((one) => one?.ops ?? []), { ...withoutAttributes(op, ...names), inputs }];
  };

export const inputsToInts =
  (...names: readonly string[]): Adapter =>
  (op, bench) => {
    const given = names.flatMap((name, index) => {
      const id = op.inputs[index + 1] ?? NO_VALUE;
      if (id === NO_VALUE) return [];
      return [intsAttribute(name, constantNumbers(bench, id, name))];
    });
    if (given.length === 0) return op;
    return withAttributes({ ...op, inputs: op.inputs.slice(0, 1) }, ...given);
  };

export function constantNumbers(bench: Workbench, id: ValueId, what: string): readonly number[] {
  return (
    bench.numbersOf(id) ??
    bench.refuse(`its ${what} would be an attribute, but is computed when the model runs`)
  );
}

/** Reductions: an empty list of axes is a list of all of them, unless the attribute says that it is none. */
export const inputToAxes: Adapter = (op, bench) => {
  const noop = bench.int(op, 'noop_with_empty_axes', 0) !== 0;
  const axes = op.inputs[1] ?? NO_VALUE;
  const plain = withoutAttributes(op, 'noop_with_empty_axes');
  if (axes === NO_VALUE || constantNumbers(bench, axes, 'axes').length === 0) {
    if (noop) return newOp('Identity', [op.inputs[0]!], op.outputs);
    return { ...plain, inputs: op.inputs.slice(0, 1) };
  }
  return inputsToInts('axes')(plain, bench);
};

/** Clip 6 → 11: bounds of the element type of what is clipped. */
export const boundsToInputs: Adapter = (op, bench) => {
  const bounds = ['min', 'max'].map((name) => bound(op, name, bench));
  const inputs = [op.inputs[0]!, ...bounds.map((one) => one?.id ?? NO_VALUE)];
  while (inputs.at(-1) === NO_VALUE) inputs.pop();
  return [...bounds.flatMap((one) => one?.ops ?? []), { ...withoutAttributes(op, 'min', 'max'), inputs }];
};

function bound(op: Form, name: string, bench: Workbench): Made | undefined {
  const attribute = findAttribute(op, name);
  if (attribute?.kind === 'float') return bench.scalarLike(attribute.value, op.inputs[0]!, name);
  if (attribute?.kind !== 'reference') return undefined;
  const made = bench.ofReference(op, name, {
    name: 'value_float',
    kind: 'reference',
    value: attribute.value,
  });
  const cast = bench.likeScalar(made.id, op.inputs[0]!);
  return { id: cast.id, ops: [...made.ops, ...cast.ops] };
}

export const inputsToBounds: Adapter = (op, bench) => {
  const given = ['min', 'max'].flatMap((name, index) => {
    const id = op.inputs[index + 1] ?? NO_VALUE;
    return id === NO_VALUE ? [] : [floatAttribute(name, constantNumbers(bench, id, name)[0]!)];
  });
  return given.length === 0 ? op : withAttributes({ ...op, inputs: op.inputs.slice(0, 1) }, ...given);
};

/** Pad 2 → 11. */
export const padsToInputs: Adapter = (op, bench) => {
  const pads = bench.inputOf(op, 'pads') ?? bench.refuse('it states no pads');
  const value = bench.float(op, 'value') ?? 0;
  const filled = bench.string(op, 'mode', 'constant') === 'constant' && value !== 0;
  const fill = filled ? bench.scalarLike(value, op.inputs[0]!, 'value') : undefined;
  const inputs = [op.inputs[0]!, pads.id, ...(fill === undefined ? [] : [fill.id])];
  return [...pads.ops, ...(fill?.ops ?? []), { ...withoutAttributes(op, 'pads', 'value'), inputs }];
};

export const inputsToPads: Adapter = (op, bench) => {
  const [data, pads = NO_VALUE, fill = NO_VALUE] = op.inputs;
  const plain = withAttributes(
    { ...op, inputs: [data!] },
    intsAttribute('pads', constantNumbers(bench, pads, 'pads')),
  );
  if (fill === NO_VALUE) return plain;
  return withAttributes(plain, floatAttribute('value', constantNumbers(bench, fill, 'constant_value')[0]!));
};

/** Pad 18 → 13: pads of all axes instead of some. */
export const padsOfAllAxes: Adapter = (op, bench) => {
  const [data, pads = NO_VALUE, fill = NO_VALUE, axes = NO_VALUE] = op.inputs;
  if (axes === NO_VALUE) return op;
  const rank = bench.rankOf(data!) ?? bench.refuse('the rank of what it pads is not known');
  const some = constantNumbers(bench, axes, 'axes');
  const given = constantNumbers(bench, pads, 'pads');
  const all = new Array<number>(2 * rank).fill(0);
  for (const [index, axis] of some.entries()) {
    const at = axis < 0 ? axis + rank : axis;
    all[at] = given[index]!;
    all[at + rank] = given[index + some.length]!;
  }
  const inputs = [data!, bench.ints64(all, 'pads'), ...(fill === NO_VALUE ? [] : [fill])];
  return { ...op, inputs };
};

/** Slice 10 → 1: no steps. */
export const inputsToSlice: Adapter = (op, bench) => {
  const steps = op.inputs[4] ?? NO_VALUE;
  if (steps !== NO_VALUE && constantNumbers(bench, steps, 'steps').some((step) => step !== 1))
    return bench.refuse('its steps are not 1');
  return inputsToInts('starts', 'ends', 'axes')({ ...op, inputs: op.inputs.slice(0, 4) }, bench);
};

/** TopK 1 → 10. */
export const kToInput: Adapter = (op, bench) => ({
  ...withoutAttributes(op, 'k'),
  inputs: [op.inputs[0]!, bench.ints64([bench.int(op, 'k', 1)], 'k')],
});
export const inputToK: Adapter = (op, bench) =>
  withAttributes(
    { ...op, inputs: op.inputs.slice(0, 1) },
    intAttribute('k', constantNumbers(bench, op.inputs[1]!, 'k')[0]!),
  );

/** Split 13 → 18: who gives no sizes says how many parts there are. */
export const countOutputs: Adapter = (op) =>
  (op.inputs[1] ?? NO_VALUE) === NO_VALUE
    ? withAttributes({ ...op, inputs: op.inputs.slice(0, 1) }, intAttribute('num_outputs', op.outputs.length))
    : op;
/** Split 18 → 13: parts without sizes are equal, the last one included. */
export const equalParts: Adapter = (op, bench) => {
  const plain = withoutAttributes(op, 'num_outputs');
  if ((op.inputs[1] ?? NO_VALUE) !== NO_VALUE) return plain;
  const dims = bench.dimsOf(op.inputs[0]!);
  const size = dims?.at(bench.int(op, 'axis', 0));
  const count = op.outputs.length;
  if (typeof size !== 'number' || size % count === 0) return plain;
  const part = Math.ceil(size / count);
  const sizes = op.outputs.map((_, index) => Math.max(0, Math.min(part, size - index * part)));
  return { ...plain, inputs: [op.inputs[0]!, bench.ints64(sizes, 'split')] };
};

/** Upsample 7 → 9. */
export const scalesToInput: Adapter = (op, bench) => {
  const scales = findAttribute(op, 'scales');
  if (scales?.kind !== 'floats') return bench.refuse('its scales are not given as a list of floats');
  return {
    ...withoutAttributes(op, 'scales'),
    inputs: [op.inputs[0]!, bench.floats32(scales.value, 'scales')],
  };
};
export const inputToScales: Adapter = (op, bench) =>
  withAttributes(
    { ...op, inputs: op.inputs.slice(0, 1) },
    { name: 'scales', kind: 'floats', value: constantNumbers(bench, op.inputs[1]!, 'scales') },
  );

/** Dropout 10 → 12: the ratio is an input; nothing is dropped in either, unless the newer is told to train. */
export const ratioToInput: Adapter = (op, bench) => {
  const attribute = findAttribute(op, 'ratio');
  if (attribute === undefined) return op;
  const inputs = [op.inputs[0]!, bench.floats32([bench.float(op, 'ratio') ?? 0.5], 'ratio', [])];
  return { ...withoutAttributes(op, 'ratio'), inputs };
};
export const inputToRatio: Adapter = (op, bench) => {
  const [data, ratio = NO_VALUE, training = NO_VALUE] = op.inputs;
  if (training !== NO_VALUE && constantNumbers(bench, training, 'training_mode')[0] !== 0)
    return bench.refuse('it drops, as in training; earlier versions only run trained models');
  const plain = withoutAttributes({ ...op, inputs: [data!] }, 'seed');
  const value = ratio === NO_VALUE ? undefined : bench.numbersOf(ratio)?.[0];
  return value === undefined ? plain : withAttributes(plain, floatAttribute('ratio', value));
};

/** DFT 17 → 20: the default was the first axis behind the batch, now it is the last of the signal. */
export const axisToInput: Adapter = (op, bench) => {
  const axis = bench.scalar64(bench.int(op, 'axis', 1), 'axis');
  return { ...withoutAttributes(op, 'axis'), inputs: [op.inputs[0]!, op.inputs[1] ?? NO_VALUE, axis] };
};
export const inputToAxis: Adapter = (op, bench) => {
  const axis = op.inputs[2] ?? NO_VALUE;
  const given = axis === NO_VALUE ? -2 : constantNumbers(bench, axis, 'axis')[0]!;
  const rank =
    given < 0 ? (bench.rankOf(op.inputs[0]!) ?? bench.refuse('the rank of its input is not known')) : 0;
  const inputs = op.inputs.slice(0, (op.inputs[1] ?? NO_VALUE) === NO_VALUE ? 1 : 2);
  return withAttributes({ ...op, inputs }, intAttribute('axis', given + (given < 0 ? rank : 0)));
};

/** GridSample 16 → 20: modes for any number of dimensions have names of their own. */
const gridModes = [
  ['bilinear', 'linear'],
  ['bicubic', 'cubic'],
] as const;
export const newGridMode: Adapter = (op, bench) => {
  const mode = bench.string(op, 'mode', 'linear');
  const found = gridModes.find(([old]) => old === mode);
  return found === undefined ? op : withAttributes(op, stringAttribute('mode', found[1]));
};
export const oldGridMode: Adapter = (op, bench) => {
  if (bench.rankOf(op.inputs[0]!) !== 4) return bench.refuse('its input is not known to be of rank 4');
  const mode = bench.string(op, 'mode', 'linear');
  const found = gridModes.find(([, young]) => young === mode);
  return found === undefined ? op : withAttributes(op, stringAttribute('mode', found[0]));
};
