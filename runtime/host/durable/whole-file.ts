// Files that are there as a whole or not at all, whatever happens meanwhile.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Throws errors of the system; then the file is as it was. */
export function writeWhole(file: string, pieces: readonly Uint8Array[]): void {
  const partial = `${file}.partial`;
  try {
    const descriptor = openSync(partial, 'w');
    try {
      for (const piece of pieces)
        for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  syncFolder(path.dirname(file));
}

/** Names, too, are lost in a crash of the machine if their folder is not written. */
export function syncFolder(folder: string): void {
  // There is no such thing on Windows, where renaming is enough.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
