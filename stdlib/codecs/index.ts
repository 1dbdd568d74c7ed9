// Codecs: fewer bytes for a value, at the price of some of its bits.

export { float16Codec, type Int8Options, int8Codec, type TensorCodec } from './codec.ts';
export { float16, int8 } from './component.ts';
