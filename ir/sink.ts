// Where files go: whoever emits a deployment names pieces, and a host copies them.

import type { FileReference } from './deployment.ts';
import type { ByteRange } from './graph.ts';

/** Part of a file: bytes at hand, part of a source that nobody has read yet, or a number of zero bytes. */
export type Piece = Uint8Array | ByteRange | { readonly zeros: number };

/** A folder under construction: it appears as a whole, or not at all. */
export interface FolderSink {
  /**
   * Writes one file from its pieces, in order, and tells its size and hash. `file` is relative to the folder,
   * with `/` between its parts; folders on the way are made.
   */
  write(file: string, pieces: Iterable<Piece>): FileReference;
}
