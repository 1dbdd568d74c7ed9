// A file as a byte source: read where and when somebody asks, never as a whole.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import type { ByteSource } from '../../ir/index.ts';

export interface FileSource extends ByteSource {
  readonly path: string;
  /** Closes the file; reading throws from then on. A source that nobody holds any more is closed too. */
  close(): void;
}

const abandoned = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/** Opens a file; throws what `openSync` throws. `name` is for messages, by default the path as given. */
export function fileSource(file: string, name: string = file): FileSource {
  const descriptor = openSync(file, 'r');
  const byteLength = fstatSync(descriptor).size;
  let open = true;
  const source: FileSource = {
    name,
    path: path.resolve(file),
    byteLength,
    read(offset, length) {
      if (!open) throw new Error(`${name} is closed`);
      if (offset < 0 || length < 0 || offset + length > byteLength) {
        throw new RangeError(`${name}: [${offset}, ${offset + length}) is outside its ${byteLength} bytes`);
      }
      const bytes = new Uint8Array(length);
      readFully(descriptor, bytes, offset, name);
      return bytes;
    },
    close() {
      if (!open) return;
      open = false;
      abandoned.unregister(source);
      closeSync(descriptor);
    },
  };
  abandoned.register(source, descriptor, source);
  return source;
}

/** Fills `bytes` from the file; one call of the system may give less than asked. */
function readFully(descriptor: number, bytes: Uint8Array, offset: number, name: string): void {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, offset + done);
    if (count === 0) throw new RangeError(`${name} became shorter while it was read`);
    done += count;
  }
}
