// What a Constant op holds, in whichever of its attributes.

import { type Op, packStrings, type Weight, weightOf } from '../../ir/index.ts';

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** What a Constant holds; undefined for sparse ones. */
export function contentOf(op: Op): Weight | undefined {
  const [attribute] = op.attributes;
  if (op.attributes.length !== 1) return undefined;
  switch (attribute?.kind) {
    case 'tensor':
      return attribute.value.dtype === undefined ? undefined : attribute.value;
    case 'int':
      return weightOf({ dtype: 'int64', dims: [], bytes: bytesOf(BigInt64Array.of(attribute.value)) });
    case 'ints':
      return weightOf({
        dtype: 'int64',
        dims: [attribute.value.length],
        bytes: bytesOf(BigInt64Array.from(attribute.value)),
      });
    case 'float':
      return weightOf({ dtype: 'float32', dims: [], bytes: bytesOf(Float32Array.of(attribute.value)) });
    case 'floats':
      return weightOf({
        dtype: 'float32',
        dims: [attribute.value.length],
        bytes: bytesOf(Float32Array.from(attribute.value)),
      });
    case 'string':
      return stringsWeight([attribute.value], []);
    case 'strings':
      return stringsWeight(attribute.value, [attribute.value.length]);
    default:
      return undefined;
  }
}

const utf8 = new TextDecoder();
const stringsWeight = (texts: readonly Uint8Array[], dims: readonly number[]): Weight =>
  weightOf({ dtype: 'string', dims, bytes: packStrings(texts.map((text) => utf8.decode(text))) });
