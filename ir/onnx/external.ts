// External data: from the key-value entries of a TensorProto to a byte range, with every way to go wrong.

import { type Diagnostic, diagnostic } from '../diagnostic.ts';
import type { ByteRange, ByteSource } from '../graph.ts';

/**
 * Opens a data file by its path relative to the model's folder; undefined if there is none, 'outside' if a link
 * leads out of the folder.
 */
export type OpenExternal = (location: string) => ByteSource | 'outside' | undefined;

/** What of a TensorProto says where its bytes are, whoever decoded it. */
interface ExternalTensor {
  readonly name: string;
  readonly externalData: readonly { readonly key: string; readonly value: string }[];
}

/** The range of an external tensor, or why there is none. */
export function externalRange(
  proto: ExternalTensor,
  open: OpenExternal | undefined,
  file: string,
): ByteRange | Diagnostic {
  const context = { value: proto.name, at: { file } };
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (location === undefined || location === '')
    return diagnostic('BB105', { reason: 'there is no location' }, context);
  if (leavesFolder(location)) return diagnostic('BB103', { location }, context);
  const source = open?.(location);
  if (source === 'outside') return diagnostic('BB103', { location }, context);
  if (source === undefined) return diagnostic('BB102', { location }, context);
  const offset = size(entries.get('offset') ?? '0');
  const byteLength = size(entries.get('length') ?? String(source.byteLength - (offset ?? 0)));
  if (offset === undefined || byteLength === undefined)
    return diagnostic('BB105', { reason: 'offset or length is no byte count' }, context);
  if (offset + byteLength > source.byteLength)
    return diagnostic('BB104', { location, offset, byteLength, fileBytes: source.byteLength }, context);
  return { source, offset, byteLength };
}

/** Absolute, or with a part that leads upwards; on any system. */
const leavesFolder = (location: string): boolean =>
  /^([\\/]|[A-Za-z]:)/.test(location) || location.split(/[\\/]/).includes('..');

function size(text: string): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
