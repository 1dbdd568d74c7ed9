// Stacks tensors on a new first axis, as a collect does, and gives a row of one, as a scatter does.

import { bitsOf, packStrings, type Tensor, unpackStrings } from '../ir/types.ts';

const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, index) => dim === b[index]);

export const sameType = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameDims(a.dims, b.dims);

/** dims [k, …dims of each]; all of one dtype and shape, k from 1. The result's memory is its own. */
export function stack(tensors: readonly Tensor[]): Tensor {
  const { dtype, dims: inner } = tensors[0]!;
  const dims = [tensors.length, ...inner];
  const count = inner.reduce((product, dim) => product * dim, 1);
  if (dtype === 'string') {
    const strings = tensors.flatMap(({ bytes }) => unpackStrings(bytes, count));
    return { dtype, dims, bytes: packStrings(strings) };
  }
  const bits = bitsOf(dtype) * count;
  if (bits % 8 !== 0) return { dtype, dims, bytes: stackPacked(tensors, bits) };
  const bytes = new Uint8Array((bits / 8) * tensors.length);
  tensors.forEach((tensor, index) => {
    bytes.set(tensor.bytes, (bits / 8) * index);
  });
  return { dtype, dims, bytes };
}

/** Elements narrower than a byte, whose rows do not end at a byte. */
function stackPacked(tensors: readonly Tensor[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((bits * tensors.length) / 8));
  tensors.forEach((tensor, row) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = row * bits + bit;
      bytes[at >> 3]! |= ((tensor.bytes[bit >> 3]! >> (bit & 7)) & 1) << (at & 7);
    }
  });
  return bytes;
}

/** Row `index`; of elements of whole bytes it is a view. Undefined: it has no such row. */
export function rowOf(
  { dtype, dims: [rows = 0, ...dims], bytes }: Tensor,
  index: number,
): Tensor | undefined {
  if (index >= rows) return undefined;
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (dtype === 'string') {
    const strings = unpackStrings(bytes, rows * count);
    return { dtype, dims, bytes: packStrings(strings.slice(index * count, (index + 1) * count)) };
  }
  const bits = bitsOf(dtype) * count;
  if (bits % 8 !== 0) return { dtype, dims, bytes: rowOfPacked(bytes, bits, index) };
  return { dtype, dims, bytes: bytes.subarray((bits / 8) * index, (bits / 8) * (index + 1)) };
}

function rowOfPacked(bytes: Uint8Array, bits: number, row: number): Uint8Array {
  const own = new Uint8Array(Math.ceil(bits / 8));
  for (let bit = 0; bit < bits; bit++) {
    const at = row * bits + bit;
    own[bit >> 3]! |= ((bytes[at >> 3]! >> (at & 7)) & 1) << (bit & 7);
  }
  return own;
}
