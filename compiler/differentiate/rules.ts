// The gradient of every operator that has one.

import { inOtherWords } from './in-other-words.ts';
import { regionsAligned, regionsPooled } from './regions.ts';
import type { Rules } from './rule.ts';
import { broadcast } from './rules/broadcast.ts';
import { control } from './rules/control.ts';
import { elementwise } from './rules/elementwise.ts';
import { linear } from './rules/linear.ts';
import { losses } from './rules/losses.ts';
import { movement } from './rules/movement.ts';
import { normalizations } from './rules/normalize.ts';
import { placing } from './rules/placing.ts';
import { manyFactors } from './rules/products.ts';
import { reductions } from './rules/reduce.ts';
import { sampling } from './rules/sampling.ts';
import { windows } from './rules/window.ts';
import { deformed, gridSampled } from './sampled.ts';
import { dequantized } from './scaled.ts';
import { causalConvolution, linearAttention } from './stateful.ts';

const worded: Rules = {
  DequantizeLinear: inOtherWords(dequantized),
  GridSample: inOtherWords(gridSampled),
  DeformConv: inOtherWords(deformed),
  RoiAlign: inOtherWords(regionsAligned),
  MaxRoiPool: inOtherWords(regionsPooled),
  LinearAttention: inOtherWords(linearAttention),
  CausalConvWithState: inOtherWords(causalConvolution),
};

/** Of operators of the standard domain, in the form of opset 18 and later. */
export const rules: Rules = {
  ...elementwise,
  ...broadcast,
  ...reductions,
  ...movement,
  ...linear,
  ...windows,
  ...normalizations,
  ...losses,
  ...control,
  ...sampling,
  ...placing,
  ...manyFactors,
  ...worded,
};

/** In other words, and then by their rules (expand.ts). */
export const expandedOperators: readonly string[] = [
  'RNN',
  'GRU',
  'LSTM',
  'Attention',
  'STFT',
  'ConcatFromSequence',
  'SequenceAt',
  'SequenceMap',
  'SplitToSequence',
  'OptionalGetElement',
];

/** Their results do not change with small changes of what they read: no gradient passes. */
export const constantOperators: ReadonlySet<string> = new Set([
  'Floor',
  'Ceil',
  'Round',
  'Sign',
  'Hardmax',
  'Shape',
  'Size',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
  'And',
  'Or',
  'Xor',
  'IsNaN',
  'IsInf',
  'ConstantOfShape',
  'EyeLike',
  'RandomNormalLike',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
  'Unique',
  'QuantizeLinear',
  'DynamicQuantizeLinear',
  'RandomNormal',
  'RandomUniform',
  'HannWindow',
  'HammingWindow',
  'BlackmanWindow',
  'MelWeightMatrix',
  'NonMaxSuppression',
  'TfIdfVectorizer',
]);
