// Codecs: fewer bytes for a value, at the price of some of its bits.

export { bfloat16Codec, float16Codec, type Int8Options, int8Codec } from './codec.ts';
export {
  bfloat16,
  float16,
  int8,
  lowRank,
  productQuantised,
  qsgd,
  randomK,
  sign,
  topK,
} from './component.ts';
export { type LowRankOptions, lowRankCodec } from './low-rank.ts';
export { type ProductOptions, productCodec } from './product.ts';
export { type QsgdOptions, qsgdCodec, type SignOptions, signCodec } from './quantised.ts';
export type { TensorCodec } from './reals.ts';
export { type KeptOptions, type RandomKOptions, randomKCodec, topKCodec } from './sparse.ts';
