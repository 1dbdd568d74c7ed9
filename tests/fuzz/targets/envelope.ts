// The decoder of frames and their envelopes, and of what is in their fills.

import { isTensor } from '../../../ir/data.ts';
import { decodeFrame, defaultLimits } from '../../../runtime/index.ts';
import { isMissing } from '../../../runtime/value.ts';
import { valueOfFill } from '../../../runtime/wire/fill.ts';
import { frameBytes } from '../frames.ts';
import { target } from '../harness.ts';

function read(bytes: Uint8Array): readonly string[] {
  const decoded = decodeFrame(bytes, defaultLimits);
  if (!decoded.ok) return [decoded.error.kind];
  const { envelope, payloads } = decoded.frame;
  if (envelope.fills.length > defaultLimits.fills) throw new Error('more fills than the limit');
  const fills = envelope.fills.map((fill, at) => {
    const read = valueOfFill(fill, payloads[at]!, defaultLimits);
    if (read.kind !== 'value') return `fill: ${read.kind}`;
    return isMissing(read.value)
      ? 'fill: missing'
      : isTensor(read.value)
        ? 'fill: tensor'
        : `fill: ${read.value.kind}`;
  });
  return ['accepted', ...fills];
}

export const envelopes = target({
  name: 'envelope',
  arbitrary: frameBytes,
  run: read,
  bytes: (bytes) => bytes,
});
