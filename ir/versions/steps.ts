// Every step from one version of an operator to the next, from opset 7 on: what it takes to go up, and to go down.

import { listedClasses, numberedClasses, withdrawn } from './adapters/ml.ts';
import {
  axisToInput,
  boundsToInputs,
  countOutputs,
  equalParts,
  inputsToBounds,
  inputsToInts,
  inputsToPads,
  inputsToSlice,
  inputToAxes,
  inputToAxis,
  inputToK,
  inputToRatio,
  inputToScales,
  intsToInputs,
  kToInput,
  newGridMode,
  oldGridMode,
  padsOfAllAxes,
  padsToInputs,
  ratioToInput,
  scalesToInput,
} from './adapters/moved.ts';
import { impliedTraining, perChannel, perElement, statedTraining } from './adapters/normalization.ts';
import {
  addsZero,
  boolMask,
  constantTensor,
  indicesFromFront,
  neverShifted,
  noIndicesFromEnd,
  noMask,
  notShifted,
  noWindowInPadding,
  ofOptional,
  oneScale,
  renamed,
  sameShapes,
} from './adapters/other.ts';
import {
  ofOptionalInputs,
  resizeToUpsample,
  statedCoordinates,
  statedInputs,
  unstatedCoordinates,
  upsampleToResize,
} from './adapters/resize.ts';
import { overRows } from './adapters/scan.ts';
import { overLastAxis, overOneAxis } from './adapters/softmax.ts';
import type { Adapter, Step } from './form.ts';

/**
 * Steps that only admit more: types, negative axes and indices, attributes and inputs that say nothing new unless
 * they are given. By the opset that begins with them. Going down, what was added must not be in use.
 */
const wider: Readonly<Record<number, string>> = {
  8: 'MaxPool',
  9: 'Cast Constant Flatten Gemm Greater Less MatMul PRelu',
  10: 'AveragePool MaxPool',
  11: 'ArgMax ArgMin AveragePool Compress Concat Constant Conv ConvTranspose DepthToSpace Equal Flatten Gather Hardmax If LogSoftmax Loop LpPool MaxPool MaxUnpool NonMaxSuppression ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Scan Slice Softmax Split Squeeze TopK Unsqueeze',
  12: 'ArgMax ArgMin Clip GatherND Max MaxPool Min Pow ReduceMax ReduceMin',
  13: 'Abs Add ArgMax ArgMin Cast Ceil Clip Concat Constant DepthToSpace Div Dropout Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm Greater Identity If IsNaN LRN Less Log Loop MatMul Max Mean MeanVarianceNormalization Min Mod Mul Neg NegativeLogLikelihoodLoss NonZero Pad Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare Relu Reshape ScatterElements ScatterND Shape Sigmoid Sign Size Slice SoftmaxCrossEntropyLoss SpaceToDepth Sqrt Sub Sum Tanh Tile Transpose',
  14: 'Add CumSum Div GRU Identity LSTM Mul RNN Relu Reshape Sub',
  15: 'BatchNormalization Pow Shape',
  16: 'GreaterOrEqual Identity If LeakyRelu LessOrEqual Loop PRelu Scan ScatterElements ScatterND Where',
  18: 'LpPool Resize ScatterElements ScatterND',
  19: 'AveragePool Cast CastLike Constant DequantizeLinear Equal Identity If Loop Pad QuantizeLinear Reshape Resize Scan Shape Size',
  20: 'ConstantOfShape IsInf IsNaN ReduceMax ReduceMin',
  21: 'Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QLinearMatMul QuantizeLinear Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
  22: 'Acos Acosh Asin Asinh Atan Atanh Bernoulli Conv ConvTranspose Cos Cosh DeformConv Det Dropout Elu EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish InstanceNormalization LSTM LpNormalization LpPool MaxRoiPool MaxUnpool Mish Multinomial NegativeLogLikelihoodLoss RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu',
  23: 'Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QuantizeLinear Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
  24: 'Attention Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QuantizeLinear Reshape Scan Shape Size SplitToSequence Squeeze TopK Transpose Unsqueeze',
  25: 'Cast CastLike Constant ConstantOfShape DequantizeLinear Flatten Identity If Loop Pad QuantizeLinear Reshape Scan Shape Size Squeeze Transpose Unsqueeze',
};

const axes: Step = { up: intsToInputs('axes'), down: inputsToInts('axes') };
const reduction: Step = { up: intsToInputs('axes'), down: inputToAxes };
const softmax: Step = { up: overOneAxis, down: overLastAxis };
const unbroadcast: Step = { down: sameShapes };
const perTensor: Step = { down: oneScale };
const pooling: Step = { down: noWindowInPadding, repairs: true };

/** Steps that take more than that. */
const changed: Readonly<Record<number, Readonly<Record<string, Step>>>> = {
  8: { Max: unbroadcast, Mean: unbroadcast, Min: unbroadcast, Sum: unbroadcast },
  9: {
    BatchNormalization: { up: perElement },
    Scan: { up: overRows, down: (_, bench) => bench.refuse('earlier versions scan batches, over axis 1') },
    Upsample: { up: scalesToInput, down: inputToScales },
  },
  10: {
    Dropout: { up: boolMask, down: noMask },
    Slice: { up: intsToInputs('starts', 'ends', 'axes'), down: inputsToSlice },
    TopK: { up: kToInput, down: inputToK },
    Upsample: { up: upsampleToResize },
  },
  11: {
    Clip: { up: boundsToInputs, down: inputsToBounds },
    Gemm: { down: addsZero },
    OneHot: { up: noIndicesFromEnd, down: indicesFromFront },
    Pad: { up: padsToInputs, down: inputsToPads },
    Resize: { up: statedCoordinates, down: unstatedCoordinates },
    Scatter: { up: renamed('ScatterElements') },
  },
  12: {
    Constant: { down: constantTensor },
    Dropout: { up: ratioToInput, down: inputToRatio },
  },
  13: {
    DequantizeLinear: perTensor,
    Hardmax: softmax,
    LogSoftmax: softmax,
    QuantizeLinear: perTensor,
    ReduceSum: reduction,
    Resize: { up: ofOptionalInputs, down: statedInputs },
    Softmax: softmax,
    Split: { up: intsToInputs('split'), down: inputsToInts('split') },
    Squeeze: axes,
    Unsqueeze: axes,
  },
  14: { BatchNormalization: { up: statedTraining, down: impliedTraining } },
  16: { RoiAlign: { up: notShifted, down: neverShifted } },
  18: {
    OptionalGetElement: { down: ofOptional },
    OptionalHasElement: { down: ofOptional },
    Pad: { down: padsOfAllAxes },
    ReduceL1: reduction,
    ReduceL2: reduction,
    ReduceLogSum: reduction,
    ReduceLogSumExp: reduction,
    ReduceMax: reduction,
    ReduceMean: reduction,
    ReduceMin: reduction,
    ReduceProd: reduction,
    ReduceSumSquare: reduction,
    Split: { up: countOutputs, down: equalParts },
  },
  20: {
    DFT: { up: axisToInput, down: inputToAxis },
    GridSample: { up: newGridMode, down: oldGridMode },
  },
  21: { GroupNormalization: { up: perChannel } },
  22: { AveragePool: pooling, MaxPool: pooling },
  27: { Range: {} },
};

const ofMl: Readonly<Record<number, Readonly<Record<string, Step>>>> = {
  2: { LabelEncoder: { up: numberedClasses, down: listedClasses } },
  3: { TreeEnsembleClassifier: {}, TreeEnsembleRegressor: {} },
  4: { LabelEncoder: {} },
  5: { TreeEnsembleClassifier: { up: withdrawn }, TreeEnsembleRegressor: { up: withdrawn } },
};

/** Operators of which an older one computed what is asked of the newer one, for going down past its first version. */
export const predecessors: Readonly<Record<string, Adapter>> = {
  Resize: resizeToUpsample,
  ScatterElements: renamed('Scatter'),
};

const widerSets = new Map(
  Object.entries(wider).map(([version, names]) => [Number(version), new Set(names.split(' '))]),
);
const NOTHING: Step = {};

/** The row of the step that leads to a version of an operator; undefined if it is missing, which a test rules out. */
export function findStep(domain: string, type: string, version: number): Step | undefined {
  if (domain !== '') return domain === 'ai.onnx.ml' ? ofMl[version]?.[type] : undefined;
  return widerSets.get(version)?.has(type) ? NOTHING : changed[version]?.[type];
}

export const stepInto = (domain: string, type: string, version: number): Step =>
  findStep(domain, type, version) ?? NOTHING;
