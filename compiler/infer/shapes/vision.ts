// Resampling and spectra.

import type { Dim, Shape } from '../../../ir/types.ts';
import {
  addDims,
  axisOf,
  Contradiction,
  dimOf,
  floorDim,
  formatDims,
  multiplyDims,
  unifyDim,
  unknownDims,
} from '../dims.ts';
import type { OpView } from '../view.ts';
import type { ShapeRule } from './rule.ts';

const scaled = (dim: Dim, scale: Dim | undefined): Dim => {
  if (typeof scale !== 'number') return null;
  if (typeof dim === 'number') return dimOf(Math.floor(dim * scale));
  if (Number.isInteger(scale)) return multiplyDims(dim, scale);
  return Number.isInteger(1 / scale) ? floorDim(dim, 1 / scale) : null;
};

function upsample(op: OpView): Shape {
  const dims = op.dims(0);
  const scales = op.floats('scales') ?? op.elems(1);
  return dims?.map((dim, axis) => scaled(dim, scales?.[axis]));
}

function resize(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined || op.since < 11) return upsample(op);
  const axes = op.ints('axes')?.map((axis) => axisOf(axis, dims.length)) ?? dims.map((_, axis) => axis);
  if (op.since >= 13 && hasElements(op, 2) && hasElements(op, 3))
    throw new Contradiction('both sizes and scales are given');
  if (op.since >= 13 && !op.has(2) && !op.has(3))
    throw new Contradiction('neither sizes nor scales are given');
  // Empty lists stand for "not given", as absent inputs do.
  const sizes = op.elems(3)?.length === 0 ? undefined : op.elems(3);
  const result = [...dims];
  if (op.has(3) && (sizes !== undefined || op.dim(3, 0) !== 0)) {
    const policy = op.string('keep_aspect_ratio_policy') ?? 'stretch';
    const targets =
      policy === 'stretch'
        ? sizes
        : keepingAspect(
            policy,
            axes.map((axis) => dims[axis]!),
            sizes,
          );
    checkLength(sizes?.length, axes.length, 'sizes');
    axes.forEach((axis, at) => {
      result[axis] = dimOf(targets?.[at]);
    });
    return result;
  }
  const policy = op.string('keep_aspect_ratio_policy') ?? 'stretch';
  if (op.has(2) && policy !== 'stretch' && op.elems(2)?.length !== 0)
    throw new Contradiction(`scales leave nothing to keep_aspect_ratio_policy ${policy}`);
  const scales = op.elems(2);
  if (scales?.length === 0) return unknownDims(dims.length);
  checkLength(scales?.length, axes.length, 'scales');
  axes.forEach((axis, at) => {
    result[axis] = scaled(dims[axis]!, scales?.[at] ?? null);
  });
  return result;
}

/** Whether a list is given for sure. */
const hasElements = (op: OpView, index: number): boolean => {
  const length = op.elems(index)?.length ?? op.dim(index, 0);
  return op.has(index) && typeof length === 'number' && length > 0;
};

function checkLength(length: number | undefined, axes: number, what: string): void {
  if (length !== undefined && length !== axes) throw new Contradiction(`${length} ${what} for ${axes} axes`);
}

/** One scale for all axes: the smallest (not_larger) or largest (not_smaller) that the sizes ask for. */
function keepingAspect(
  policy: string,
  dims: readonly Dim[],
  sizes: readonly Dim[] | undefined,
): Dim[] | undefined {
  const scales = dims.map((dim, at) => {
    const size = sizes?.[at];
    return typeof dim === 'number' && typeof size === 'number' && dim > 0 ? size / dim : undefined;
  });
  if (!scales.every((scale) => scale !== undefined)) return undefined;
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  return dims.map((dim) => Math.floor((dim as number) * scale + 0.5));
}

function dft(op: OpView): Shape {
  const dims = op.dims(0);
  if (dims === undefined) return undefined;
  const onesided = op.int('onesided', 0) !== 0;
  // A one-sided inverse gives real numbers; everything else complex ones.
  const parts = onesided && op.int('inverse', 0) !== 0 ? 1 : 2;
  const given = dims.at(-1);
  // One side is enough where the other is its mirror: of real numbers, and back to them.
  if (onesided && typeof given === 'number' && given !== 3 - parts)
    throw new Contradiction(`one-sided, ${formatDims(dims)} must end in ${3 - parts}`);
  const axis = op.since < 20 ? op.int('axis', 1) : op.has(2) ? op.elems(2)?.[0] : -2;
  if (typeof axis !== 'number') {
    const kept = onesided || op.has(1) ? unknownDims(dims.length) : dims;
    return [...kept.slice(0, -1), parts];
  }
  const at = axisOf(axis, dims.length);
  if (at === dims.length - 1)
    throw new Contradiction(`axis ${axis} of ${formatDims(dims)} holds the parts of complex numbers`);
  const length = op.has(1) ? dimOf(op.elems(1)?.[0]) : parts === 1 ? inverseLength(dims[at]!) : dims[at]!;
  const bins = onesided && parts === 2 ? addDims(floorDim(length, 2), 1) : length;
  return dims.with(at, bins).with(-1, parts);
}

/** Samples that a one-sided spectrum stands for, unless a length says otherwise. */
const inverseLength = (bins: Dim): Dim => dimOf(addDims(multiplyDims(bins, 2), -2));

function stft(op: OpView): Shape {
  const batch = op.dim(0, 0);
  const [frame, window] = [op.elems(3)?.[0], op.dim(2, 0)];
  if (typeof frame === 'number' && typeof window === 'number' && frame !== window)
    throw new Contradiction(`a window of ${window} for frames of ${frame}`);
  const [samples, step] = [op.dim(0, 1), op.elems(1)?.[0]];
  const length = op.has(3) ? op.elems(3)?.[0] : op.has(2) ? op.dim(2, 0) : undefined;
  if (typeof length !== 'number') return [batch, null, null, 2];
  const frames =
    typeof step === 'number' && step > 0
      ? dimOf(addDims(floorDim(addDims(samples, -length), step), 1))
      : null;
  return [batch, frames, op.int('onesided', 1) ? Math.floor(length / 2) + 1 : length, 2];
}

export const visionShapes: Record<string, ShapeRule> = {
  Upsample: (op) => [upsample(op)],
  Resize: (op) => [resize(op)],
  GridSample: (op) => {
    const [dims, grid] = [op.dims(0), op.dims(1)];
    if (dims && grid && dims.length !== grid.length)
      throw new Contradiction(`input ${formatDims(dims)} and grid ${formatDims(grid)} differ in rank`);
    const last = grid?.at(-1);
    if (typeof last === 'number' && last !== grid!.length - 2)
      throw new Contradiction(`grid ${formatDims(grid)} must end in ${grid!.length - 2} coordinates`);
    unifyDim(op.dim(0, 0), op.dim(1, 0));
    return [
      grid
        ? [dims?.[0] ?? grid[0]!, dims?.[1] ?? null, ...grid.slice(1, -1)]
        : dims && unknownDims(dims.length),
    ];
  },
  DFT: (op) => [dft(op)],
  STFT: (op) => [stft(op)],
};
