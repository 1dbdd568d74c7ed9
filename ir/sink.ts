// Where files go: whoever emits a deployment names pieces, and a host copies them.

import type { FileReference } from './deployment.ts';
import type { Piece } from './onnx/encode.ts';

/** A folder under construction: it appears as a whole, or not at all. */
export interface FolderSink {
  /**
   * Writes one file from its pieces, in order, and tells its size and hash. `file` is relative to the folder,
   * with `/` between its parts; folders on the way are made.
   */
  write(file: string, pieces: Iterable<Piece>): FileReference;
  /** Lower-case hex of the SHA-256 of bytes that no file holds. */
  sha256(bytes: Uint8Array): string;
}
