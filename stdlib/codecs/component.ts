// Codecs as components: what a program's edges are encoded with, and what it encodes where its author says.

import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { tensorOf } from '../tensors.ts';
import { bfloat16Codec, float16Codec, type Int8Options, int8Codec } from './codec.ts';
import { type LowRankOptions, lowRankCodec } from './low-rank.ts';
import { type ProductOptions, productCodec } from './product.ts';
import { type QsgdOptions, qsgdCodec, type SignOptions, signCodec } from './quantised.ts';
import type { TensorCodec } from './reals.ts';
import { type KeptOptions, type RandomKOptions, randomKCodec, topKCodec } from './sparse.ts';

class CodecComponent implements NodeComponent {
  readonly roles = ['codec'] as const;
  readonly #codec: TensorCodec;

  constructor(codec: TensorCodec) {
    this.#codec = codec;
  }

  call({ method, inputs }: NodeCall, { peer }: ComponentContext): readonly DataValue[] {
    const first = tensorOf(inputs[0], 'the value');
    if (method === 'Encode') {
      const bytes = this.#codec.encode(first, peer);
      return [{ dtype: 'uint8', dims: [bytes.length], bytes }];
    }
    const { dtype, dims } = tensorOf(inputs[1], 'what it is like');
    return [this.#codec.decode(first.bytes, dtype, dims)];
  }
}

/** Fills slots of the role codec with 16 bits for each number. */
export const float16 = (): NodeComponent => new CodecComponent(float16Codec());
/** Fills slots of the role codec with the upper 16 bits of each float32. */
export const bfloat16 = (): NodeComponent => new CodecComponent(bfloat16Codec());
/** Fills slots of the role codec with 8 bits for each number, and a scale for each block. */
export const int8 = (options: Int8Options = {}): NodeComponent => new CodecComponent(int8Codec(options));
/** Fills slots of the role codec with a few bits for each number, rounded by chance: see {@link qsgdCodec}. */
export const qsgd = (options: QsgdOptions = {}): NodeComponent => new CodecComponent(qsgdCodec(options));
/** Fills slots of the role codec with a bit for each number, and a scale for each block: see {@link signCodec}. */
export const sign = (options: SignOptions = {}): NodeComponent => new CodecComponent(signCodec(options));
/** Fills slots of the role codec with the largest numbers: see {@link topKCodec}. */
export const topK = (options: KeptOptions = {}): NodeComponent => new CodecComponent(topKCodec(options));
/** Fills slots of the role codec with numbers chosen by chance: see {@link randomKCodec}. */
export const randomK = (options: RandomKOptions = {}): NodeComponent =>
  new CodecComponent(randomKCodec(options));
/** Fills slots of the role codec with two thin factors of a matrix: see {@link lowRankCodec}. */
export const lowRank = (options: LowRankOptions = {}): NodeComponent =>
  new CodecComponent(lowRankCodec(options));
/** Fills slots of the role codec with a codebook and codes: see {@link productCodec}. */
export const productQuantised = (options: ProductOptions = {}): NodeComponent =>
  new CodecComponent(productCodec(options));
