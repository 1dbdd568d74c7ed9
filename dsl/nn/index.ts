// Layers: functions with named parameters.

export { read, update } from '../optim/train.ts';
export { fixedKey, type Key, key } from '../random/index.ts';
// Layers that need more than one input.
export {
  type AttentionMask,
  type AttentionOptions,
  type EncoderOptions,
  multiHeadAttention,
  transformerEncoderLayer,
} from './attention.ts';
// Layers of layers.
export { model, sequential } from './compose.ts';
export {
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './conv.ts';
// Initial weights: init.kaimingNormal() …
export * as init from './initialise.ts';
export type { Layer, Mode, UnaryLayer } from './layer.ts';
export { embedding, linear } from './linear.ts';
export { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from './norm.ts';
// Where the values of parameters come from.
export { initial, matching, parameter, type Seed, states, stored } from './parameters.ts';
export {
  averagePool1d,
  averagePool2d,
  averagePool3d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type PoolOptions,
} from './pool.ts';
export { gru, lstm, type RecurrentOptions, type RecurrentState, rnn } from './recurrent.ts';
export * from './simple.ts';
export type { Given, Spec, Specs, ValuesOf } from './spec.ts';
