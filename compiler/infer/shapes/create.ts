// Operators that make tensors from attributes, sizes or shapes.

import type { Dim, Shape } from '../../../ir/types.ts';
import {
  addDims,
  Contradiction,
  ceilDim,
  dimOf,
  floorDim,
  isAtLeast,
  subtractDims,
  unifyDim,
  unknownDims,
} from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

function constant(op: OpView): Shape {
  const tensor = op.tensor('value');
  if (tensor !== undefined) return tensor.dims;
  const sparse = op.attribute('sparse_value');
  if (sparse?.kind === 'sparse') return sparse.value.dims.map(Number);
  for (const name of ['value_ints', 'value_floats', 'value_strings']) {
    const list = op.attribute(name);
    if (list?.kind === 'ints' || list?.kind === 'floats' || list?.kind === 'strings')
      return [list.value.length];
  }
  return ['value_int', 'value_float', 'value_string'].some((name) => op.attribute(name)) ? [] : undefined;
}

function fromShapeInput(op: OpView, index: number): Shape {
  const sizes = op.elems(index);
  if (sizes !== undefined) return sizes.map(dimOf);
  const rank = op.dim(index, 0);
  return typeof rank === 'number' ? unknownDims(rank) : undefined;
}

function range(op: OpView): Dim {
  const [start, limit, delta] = [0, 1, 2].map((index) => op.elems(index)?.[0]);
  // From 0 by 1 the limit is the length, whatever its name.
  if (start === 0 && delta === 1 && limit !== undefined)
    return dimOf(typeof limit === 'number' ? Math.max(0, Math.ceil(limit)) : limit);
  if (start === undefined || limit === undefined || typeof delta !== 'number' || delta === 0) return null;
  if (typeof start !== 'number' || typeof limit !== 'number')
    return delta > 0 && isAtLeast(limit, start) ? ceilDim(subtractDims(limit, start), delta) : null;
  return Math.max(0, Math.ceil((limit - start) / delta));
}

/** Shape's slice attributes clamp as in Python. */
export function shapeSlice(op: OpView, rank: number): readonly [start: number, end: number] {
  const clamp = (at: number): number => Math.max(0, Math.min(rank, at < 0 ? at + rank : at));
  const start = clamp(op.int('start', 0));
  return [start, Math.max(start, clamp(op.int('end', rank)))];
}

export const createShapes: Record<string, ShapeRule> = {
  Constant: (op) => [constant(op)],
  Shape: (op) => {
    const rank = op.rank(0);
    if (rank === undefined) return [[null]];
    const [start, end] = shapeSlice(op, rank);
    return [[end - start]];
  },
  Size: () => [[]],
  ConstantOfShape: (op) => [fromShapeInput(op, 0)],
  Range: (op) => [[range(op)]],
  ...each('RandomNormal RandomUniform', (op) => [op.ints('shape')]),
  Multinomial: (op) => [[op.dim(0, 0), op.int('sample_size', 1)]],
  ...each('BlackmanWindow HannWindow HammingWindow', (op) => [[dimOf(op.elems(0)?.[0])]]),
  MelWeightMatrix: (op) => {
    const [bins, length] = [op.elems(0)?.[0], op.elems(1)?.[0]];
    return [[length === undefined ? null : dimOf(addDims(floorDim(length, 2), 1)), dimOf(bins)]];
  },
  AffineGrid: (op) => {
    const sizes = op.elems(1);
    const rank = sizes?.length ?? op.dim(1, 0);
    if (typeof rank !== 'number') return [];
    if (rank !== 4 && rank !== 5)
      throw new Contradiction(`size has ${rank} numbers, where images have 4 and volumes 5`);
    const spatial = rank - 2;
    return [[dimOf(sizes?.[0]), ...unknownDims(spatial).map((_, axis) => dimOf(sizes?.[axis + 2])), spatial]];
  },
  ...each('OptionalHasElement SequenceLength', () => [[]]),
  StringNormalizer: (op) => {
    if (op.rank(0) === 2) unifyDim(1, op.dim(0, 0));
    return [op.rank(0) === 2 ? [1, null] : [null]];
  },
  StringSplit: (op) => {
    const dims = op.dims(0);
    return [dims && [...dims, null], dims];
  },
  TfIdfVectorizer: (op) => {
    const columns = op.ints('ngram_indexes');
    const size = columns && columns.length > 0 ? Math.max(...columns) + 1 : null;
    return [op.dims(0) && [...op.dims(0)!.slice(0, -1), size]];
  },
  ImageDecoder: (op) => [[null, null, op.string('pixel_format') === 'Grayscale' ? 1 : 3]],
};
