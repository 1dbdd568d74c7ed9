// Codecs as components: a program encodes and decodes where its author says.

import type { DataValue } from '../../ir/index.ts';
import type { NodeCall, NodeComponent } from '../../runtime/index.ts';
import { tensorOf } from '../tensors.ts';
import { float16Codec, type Int8Options, int8Codec, type TensorCodec } from './codec.ts';

class CodecComponent implements NodeComponent {
  readonly roles = ['codec'] as const;
  readonly #codec: TensorCodec;

  constructor(codec: TensorCodec) {
    this.#codec = codec;
  }

  call({ method, inputs }: NodeCall): readonly DataValue[] {
    const first = tensorOf(inputs[0], 'the value');
    if (method === 'Encode') {
      const bytes = this.#codec.encode(first);
      return [{ dtype: 'uint8', dims: [bytes.length], bytes }];
    }
    const { dtype, dims } = tensorOf(inputs[1], 'what it is like');
    return [this.#codec.decode(first.bytes, dtype, dims)];
  }
}

/** Fills slots of the role codec with 16 bits for each number. */
export const float16 = (): NodeComponent => new CodecComponent(float16Codec());
/** Fills slots of the role codec with 8 bits for each number, and a scale for each block. */
export const int8 = (options: Int8Options = {}): NodeComponent => new CodecComponent(int8Codec(options));
