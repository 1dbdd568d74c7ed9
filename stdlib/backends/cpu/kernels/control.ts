// Control flow, and what passes any value on.

import { Invalid, type OpContext, valueKernels } from '../kernel.ts';
import { axisOf, stridesOf } from '../loops/shape.ts';
import { gatherStrided } from '../loops/strided.ts';
import { allocate, type NdArray, ndarray, scalar, type Value } from '../value.ts';
import { concatenated, reshaped, sliced } from './movement.ts';

type Values = readonly (Value | undefined)[];

function tensorOf(value: Value | undefined, what: string): NdArray {
  if (value?.kind !== 'tensor') throw new Invalid(`${what} is no tensor`);
  return value;
}
const holds = (value: Value | undefined): boolean => Number(tensorOf(value, 'the condition').data[0]) !== 0;

/** Tensors of one shape on a new axis. */
export function stacked(items: readonly NdArray[], axis: number): NdArray {
  const parts = items.map((one) => reshaped(one, [...one.dims.slice(0, axis), 1, ...one.dims.slice(axis)]));
  return concatenated(parts, axis);
}

function loop(op: OpContext, ...[limit, condition, ...initial]: Values): readonly Value[] {
  const count =
    limit === undefined ? Number.POSITIVE_INFINITY : Number(tensorOf(limit, 'the trip count').data[0]);
  let state: Values = initial;
  const scans: NdArray[][] = Array.from({ length: Math.max(0, op.outputs - initial.length) }, () => []);
  let goesOn = condition === undefined || holds(condition);
  for (let iteration = 0; iteration < count && goesOn; iteration++) {
    const inputs = [scalar('int64', BigInt(iteration)), scalar('bool', 1), ...state];
    const results = op.body('body', inputs);
    goesOn = holds(results[0]);
    state = results.slice(1, 1 + initial.length);
    scans.forEach((items, at) => {
      items.push(tensorOf(results[1 + initial.length + at], 'a scan output'));
    });
  }
  const outputs = scans.map((items, at) =>
    items.length === 0 ? nothingScanned(op, 1 + initial.length + at, 0) : stacked(items, 0),
  );
  return [...(state as readonly Value[]), ...outputs];
}

/** Without iterations there is only what the body declares. */
function nothingScanned(op: OpContext, index: number, axis: number): NdArray {
  const declared = op.bodyOutput('body', index);
  if (declared === undefined)
    throw new Invalid(`it does not run, and output ${index} of its body declares no element type or no rank`);
  const at = axisOf(axis, declared.dims.length + 1);
  return ndarray(declared.dtype, declared.dims.toSpliced(at, 0, 0), allocate(declared.dtype, 0));
}

function item(x: NdArray, axis: number, at: number): NdArray {
  const one = sliced(x, [{ axis, start: at, count: 1, step: 1 }]);
  return reshaped(
    one,
    x.dims.filter((_, other) => other !== axis),
  );
}

interface ScanAxes {
  readonly inputs: readonly number[];
  readonly inputsBackwards: readonly number[];
  readonly outputs: readonly number[];
  readonly outputsBackwards: readonly number[];
}

function scanOver(op: OpContext, inputs: Values, axes: ScanAxes): readonly Value[] {
  const scanCount = op.int('num_scan_inputs', 1);
  let state: Values = inputs.slice(0, inputs.length - scanCount);
  const sources = inputs.slice(inputs.length - scanCount).map((one) => tensorOf(one, 'a scan input'));
  const axisOfInput = (at: number): number => axisOf(axes.inputs[at] ?? 0, sources[at]!.dims.length);
  const length = sources[0]!.dims[axisOfInput(0)]!;
  const stateCount = state.length;
  const scans: NdArray[][] = Array.from({ length: op.outputs - stateCount }, () => []);
  for (let step = 0; step < length; step++) {
    const items = sources.map((one, at) =>
      item(one, axisOfInput(at), axes.inputsBackwards[at] === 1 ? length - 1 - step : step),
    );
    const results = op.body('body', [...state, ...items]);
    state = results.slice(0, stateCount);
    scans.forEach((found, at) => {
      found.push(tensorOf(results[stateCount + at], 'a scan output'));
    });
  }
  const outputs = scans.map((found, at) => {
    const wanted = axes.outputs[at] ?? 0;
    if (found.length === 0) return nothingScanned(op, stateCount + at, wanted);
    const axis = axisOf(wanted, found[0]!.dims.length + 1);
    return stacked(axes.outputsBackwards[at] === 1 ? found.toReversed() : found, axis);
  });
  return [...(state as readonly Value[]), ...outputs];
}

const scan = (op: OpContext, ...inputs: Values): readonly Value[] =>
  scanOver(op, inputs, {
    inputs: op.ints('scan_input_axes', []),
    inputsBackwards: op.ints('scan_input_directions', []),
    outputs: op.ints('scan_output_axes', []),
    outputsBackwards: op.ints('scan_output_directions', []),
  });

/** Opset 8 scanned each sample of a batch by itself, up to a length of its own; results are padded with zeros. */
function batchScan(op: OpContext, lengths: Value | undefined, ...inputs: Values): readonly Value[] {
  const tensors = inputs.map((one) => tensorOf(one, 'an input'));
  const scanCount = op.int('num_scan_inputs', 1);
  const batch = tensors[0]!.dims[0]!;
  const longest = tensors.at(-1)!.dims[1]!;
  const axes = { inputs: [], inputsBackwards: op.ints('directions', []), outputs: [], outputsBackwards: [] };
  const results = Array.from({ length: batch }, (_, sample) => {
    const length = lengths === undefined ? longest : Number(tensorOf(lengths, 'the lengths').data[sample]);
    const own = tensors.map((one, at) => {
      const mine = item(one, 0, sample);
      return at < tensors.length - scanCount
        ? mine
        : sliced(mine, [{ axis: 0, start: 0, count: length, step: 1 }]);
    });
    return scanOver(op, own, axes).map((one, at) =>
      at < tensors.length - scanCount ? (one as NdArray) : lengthened(one as NdArray, longest),
    );
  });
  return results[0]!.map((_, at) =>
    stacked(
      results.map((one) => one[at]!),
      0,
    ),
  );
}

function lengthened(x: NdArray, length: number): NdArray {
  if (x.dims[0] === length) return x;
  const missing = [length - x.dims[0]!, ...x.dims.slice(1)];
  const zeros = gatherStrided(
    scalar(x.dtype, x.data instanceof BigInt64Array ? 0n : 0),
    missing,
    stridesOf(missing).map(() => 0),
  );
  return concatenated([x, zeros], 0);
}

export const control = valueKernels('', {
  Identity: (_, x) => x!,
  If: (op, condition) => op.body(holds(condition) ? 'then_branch' : 'else_branch', []),
  Loop: loop,
  Scan: [
    [8, batchScan],
    [9, scan],
  ],
});
