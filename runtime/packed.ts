// Values in several parts, in one buffer: memory is owned, counted and given back by the buffer.

import { type DataValue, isTensor, mapTensors, partsOf, tensorsOf } from '../ir/data.ts';
import { aligned } from './wire/frame.ts';

/** The buffer that holds all tensors of a value; undefined if there are several, or none. */
export function inOneBuffer(value: DataValue): ArrayBuffer | undefined {
  const [first, ...others] = isTensor(value) ? [value] : tensorsOf(value);
  const buffer = first?.bytes.buffer;
  if (!(buffer instanceof ArrayBuffer)) return undefined;
  return others.every((one) => one.bytes.buffer === buffer) ? buffer : undefined;
}

/** A copy of the value with its tensors one after another in a buffer of its own, aligned as in a frame. */
export function packed(
  value: DataValue,
  take: (bytes: number) => ArrayBuffer = (bytes) => new ArrayBuffer(bytes),
): DataValue {
  let total = 0;
  for (const { bytes } of tensorsOf(value)) total = aligned(total) + bytes.length;
  const buffer = take(total);
  let at = 0;
  return mapTensors(value, (tensor) => {
    const bytes = new Uint8Array(buffer, aligned(at), tensor.bytes.length);
    bytes.set(tensor.bytes);
    at = aligned(at) + bytes.length;
    return { ...tensor, bytes };
  });
}

/** What the objects of one part take in memory, about. */
const PART_BYTES = 256;

/** What a value takes besides the bytes of its elements; nothing is counted for a lone tensor. */
export const objectBytes = (value: DataValue): number =>
  isTensor(value) ? 0 : PART_BYTES * countParts(value);

const countParts = (value: DataValue): number =>
  partsOf(value).reduce((sum, part) => sum + countParts(part), 1);

/** What a value takes once it is packed. */
export const sizeOf = (value: DataValue): number =>
  tensorsOf(value).reduce((sum, { bytes }) => sum + bytes.length, objectBytes(value));
