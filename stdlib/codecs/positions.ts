// Which numbers of a tensor are sent, in ascending order; `positionBits` says how.

import { positionBits } from '../../ir/coded-bytes.ts';
import { BitReader, BitWriter } from './bits.ts';

export function writePositions(positions: Uint32Array, count: number, bytes: Uint8Array, from: number): void {
  const { low, bits } = positionBits(count, positions.length);
  if (bits === 0) return;
  const writer = new BitWriter(bytes, from);
  if (low === 'bitmap') {
    let next = 0;
    for (let at = 0; at < count; at++) {
      const isNext = positions[next] === at;
      writer.put(isNext ? 1 : 0, 1);
      if (isNext) next++;
    }
  } else {
    for (const position of positions) writer.put(position % 2 ** low, low);
    let before = 0;
    for (const position of positions) {
      const high = Math.floor(position / 2 ** low);
      writer.putUnary(high - before);
      before = high;
    }
  }
  writer.end();
}

/** Throws an Error where they do not ascend, are not `kept` or not below `count`. */
export function readPositions(bytes: Uint8Array, from: number, count: number, kept: number): Uint32Array {
  const { low, bits } = positionBits(count, kept);
  if (bits === 0) return Uint32Array.from({ length: kept }, (_, at) => at);
  const reader = new BitReader(bytes, from);
  const positions = new Uint32Array(kept);
  if (low === 'bitmap') {
    let found = 0;
    for (let at = 0; at < count; at++)
      if (reader.take(1) === 1) {
        if (found === kept) throw new Error(`more than ${kept} positions`);
        positions[found++] = at;
      }
    if (found < kept) throw new Error(`${found} positions, not ${kept}`);
    return positions;
  }
  for (let at = 0; at < kept; at++) positions[at] = reader.take(low);
  const highest = Math.floor((count - 1) / 2 ** low);
  let [high, before] = [0, -1];
  for (let at = 0; at < kept; at++) {
    high += reader.takeUnary(highest - high);
    const position = high * 2 ** low + positions[at]!;
    if (position <= before || position >= count)
      throw new Error(`position ${position} after ${before}, of ${count}`);
    positions[at] = position;
    before = position;
  }
  return positions;
}
