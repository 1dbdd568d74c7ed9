// What operators demand of their inputs and attributes beyond their signatures, as data: ranks, single elements,
// signs and lengths. A rule of its own may rely on it; an op that does not meet it cannot run.

import { Contradiction, formatDims } from '../dims.ts';
import type { OpView } from '../view.ts';

/** Input index to its least and most rank. */
type Ranks = readonly (readonly [index: number, least: number, most: number])[];

/** `0:3+ 1:2 2:0-1`: input 0 has rank 3 or more, input 1 rank 2, input 2 rank 0 or 1. */
function ranks(text: string): Ranks {
  return text.split(' ').map((part) => {
    const [, index, least, more, most] = /^(\d+):(\d+)(\+)?(?:-(\d+))?$/.exec(part)!;
    const low = Number(least);
    return [Number(index), low, more ? Number.POSITIVE_INFINITY : most === undefined ? low : Number(most)];
  });
}

const rankDemands = new Map<string, Ranks>(
  Object.entries({
    AffineGrid: '1:1',
    ArrayFeatureExtractor: '0:1+ 1:1+',
    BatchNormalization: '0:1+ 1:1 2:1 3:1 4:1',
    CausalConvWithState: '0:3 1:3 2:1 3:3',
    CenterCropPad: '1:1',
    Col2Im: '0:3 1:1 2:1',
    Compress: '0:1+ 1:1',
    ConstantOfShape: '0:1',
    Conv: '0:3+ 1:3+',
    ConvInteger: '0:3+ 1:3+',
    ConvTranspose: '0:3+ 1:3+',
    DFT: '0:2+ 1:0 2:0',
    Det: '0:2+',
    Dropout: '1:0 2:0',
    Expand: '1:1',
    EyeLike: '0:2',
    FlexAttention: '0:4 1:4 2:4',
    Gather: '0:1+',
    GatherElements: '0:1+ 1:1+',
    GatherND: '0:1+ 1:1+',
    GlobalAveragePool: '0:2+',
    GlobalLpPool: '0:2+',
    GlobalMaxPool: '0:2+',
    GridSample: '0:3+ 1:3+',
    ImageDecoder: '0:1',
    LinearAttention: '0:3 1:3 2:3 3:4 4:3 5:3',
    LinearClassifier: '0:1-2',
    LinearRegressor: '0:1-2',
    MaxRoiPool: '0:4+ 1:2',
    MaxUnpool: '0:2+ 1:2+ 2:1',
    Multinomial: '0:2',
    NegativeLogLikelihoodLoss: '0:2+ 1:1+ 2:1',
    NonMaxSuppression: '0:3 1:3 2:0-1 3:0-1 4:0-1',
    OneHot: '0:1+ 1:0-1 2:1',
    Range: '0:0-1 1:0-1 2:0-1',
    Reshape: '1:1',
    Resize: '2:1 3:1',
    ReverseSequence: '0:2+ 1:1',
    RoiAlign: '0:4 1:2 2:1',
    RotaryEmbedding: '0:3-4',
    STFT: '0:2+ 1:0 2:1 3:0',
    StringNormalizer: '0:1-2',
    TensorScatter: '0:1+ 1:1+',
    TfIdfVectorizer: '0:1-2',
    Tile: '1:1',
    TopK: '0:1+',
    TreeEnsemble: '0:2',
    Trilu: '0:2+ 1:0-1',
    ZipMap: '0:1-2',
  }).map(([type, text]) => [type, ranks(text)]),
);

/** Integer attributes, and lists of them, that are positive; or at least not negative. */
const positive = new Map(
  Object.entries({
    DepthToSpace: ['blocksize'],
    SpaceToDepth: ['blocksize'],
    MaxRoiPool: ['pooled_shape'],
    MaxUnpool: ['kernel_shape', 'strides'],
    TopK: ['k'],
  }),
);
const windowed = ['pads', 'output_padding', 'output_shape'];
const notNegative = new Map(
  Object.entries({
    AveragePool: windowed,
    Conv: windowed,
    ConvInteger: windowed,
    ConvTranspose: windowed,
    DeformConv: windowed,
    LpPool: windowed,
    MaxPool: windowed,
    QLinearConv: windowed,
    RandomNormal: ['shape'],
    RandomUniform: ['shape'],
    TfIdfVectorizer: ['ngram_indexes'],
  }),
);

/** Throws Contradiction for what no input of the operator could be, whatever its elements are. */
export function checkDemands(op: OpView): void {
  const { type } = op.op;
  for (const [index, least, most] of rankDemands.get(type) ?? []) checkRankOf(op, index, least, most);
  checkNumbers(op, positive.get(type), 1);
  checkNumbers(op, notNegative.get(type), 0);
}

function checkRankOf(op: OpView, index: number, least: number, most: number): void {
  const dims = op.dims(index);
  if (dims === undefined || (dims.length >= least && dims.length <= most)) return;
  // Older versions had other parameters at that place.
  const parameter = op.schema?.inputs[index]?.name;
  if (parameter === undefined) return;
  const wanted =
    most === Number.POSITIVE_INFINITY ? `at least ${least}` : least === most ? least : `${least} to ${most}`;
  throw new Contradiction(`${parameter} ${formatDims(dims)} has rank ${dims.length} and not ${wanted}`);
}

function checkNumbers(op: OpView, names: readonly string[] | undefined, least: number): void {
  for (const name of names ?? []) {
    const one = op.int(name);
    const list = op.ints(name) ?? (one === undefined ? [] : [one]);
    if (list.some((number) => number < least))
      throw new Contradiction(`${name} [${list.join(', ')}] must not be below ${least}`);
  }
}
