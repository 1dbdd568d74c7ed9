// What a Constant op holds.

import type { Attribute, Op, Weight } from '../graph.ts';
import { packStrings } from '../types.ts';
import { weightOf } from './weights.ts';

/** The tensor of a Constant op; undefined for other ops, and for a sparse one. */
export function constantOf(op: Op): Weight | undefined {
  if (op.type !== 'Constant' || op.domain !== '') return undefined;
  for (const attribute of op.attributes) {
    const weight = tensorIn(attribute);
    if (weight !== undefined) return weight;
  }
  return undefined;
}

function tensorIn(attribute: Attribute): Weight | undefined {
  const text = new TextDecoder();
  switch (attribute.kind) {
    case 'tensor':
      return attribute.value;
    case 'int':
      return weightOf({ dtype: 'int64', dims: [], bytes: bytesOf(BigInt64Array.of(attribute.value)) });
    case 'ints':
      return listOf('int64', BigInt64Array.from(attribute.value));
    case 'float':
      return weightOf({ dtype: 'float32', dims: [], bytes: bytesOf(Float32Array.of(attribute.value)) });
    case 'floats':
      return listOf('float32', Float32Array.from(attribute.value));
    case 'string':
      return weightOf({ dtype: 'string', dims: [], bytes: packStrings([text.decode(attribute.value)]) });
    case 'strings': {
      const texts = attribute.value.map((one) => text.decode(one));
      return weightOf({ dtype: 'string', dims: [texts.length], bytes: packStrings(texts) });
    }
    default:
      return undefined;
  }
}

const listOf = (dtype: 'int64' | 'float32', array: BigInt64Array | Float32Array): Weight =>
  weightOf({ dtype, dims: [array.length], bytes: bytesOf(array) });

const bytesOf = (array: BigInt64Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
