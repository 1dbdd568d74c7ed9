// Stacks tensors on a new first axis, as a collect does, and gives a row of one, as a scatter does.

import { bitsOf, packStrings, productOf, type Tensor, unpackStrings } from '../ir/types.ts';

const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, index) => dim === b[index]);

export const sameType = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameDims(a.dims, b.dims);

/** dims [k, …dims of each]; all of one dtype and shape, k from 1. The result's memory is its own. */
export function stack(tensors: readonly Tensor[]): Tensor {
  const { dtype, dims: inner } = tensors[0]!;
  const dims = [tensors.length, ...inner];
  const count = productOf(inner);
  if (dtype === 'string') {
    const strings = tensors.flatMap(({ bytes }) => unpackStrings(bytes, count));
    return { dtype, dims, bytes: packStrings(strings) };
  }
  const bits = bitsOf(dtype) * count;
  const bytes = new Uint8Array(Math.ceil((bits * tensors.length) / 8));
  tensors.forEach((tensor, index) => {
    if (bits % 8 === 0) bytes.set(tensor.bytes, (bits / 8) * index);
    else copyBits(tensor.bytes, 0, bytes, bits * index, bits);
  });
  return { dtype, dims, bytes };
}

/** Elements narrower than a byte, whose rows do not end at a byte: `bits` from one place to another that is zero. */
function copyBits(from: Uint8Array, start: number, to: Uint8Array, offset: number, bits: number): void {
  for (let bit = 0; bit < bits; bit++) {
    const [source, target] = [start + bit, offset + bit];
    to[target >> 3]! |= ((from[source >> 3]! >> (source & 7)) & 1) << (target & 7);
  }
}

/** Row `index`; of elements of whole bytes it is a view. Undefined: it has no such row. */
export function rowOf(
  { dtype, dims: [rows = 0, ...dims], bytes }: Tensor,
  index: number,
): Tensor | undefined {
  if (index >= rows) return undefined;
  const count = productOf(dims);
  if (dtype === 'string') {
    const strings = unpackStrings(bytes, rows * count);
    return { dtype, dims, bytes: packStrings(strings.slice(index * count, (index + 1) * count)) };
  }
  const bits = bitsOf(dtype) * count;
  if (bits % 8 === 0)
    return { dtype, dims, bytes: bytes.subarray((bits / 8) * index, (bits / 8) * (index + 1)) };
  const own = new Uint8Array(Math.ceil(bits / 8));
  copyBits(bytes, bits * index, own, 0, bits);
  return { dtype, dims, bytes: own };
}
