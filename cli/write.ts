// Files written whole or not at all.

import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic, type Piece } from '../ir/index.ts';
import { fileReason } from './load/files.ts';

/** Copied at a time, so that a large range never is in memory as a whole. */
const WINDOW_BYTES = 128 << 10;

/** Writes pieces to a file beside its target and renames it. Throws BB882 if that cannot be done. */
export function writePieces(file: string, pieces: Iterable<Piece>): void {
  const draft = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const descriptor = openSync(draft, 'w');
    try {
      for (const bytes of windows(pieces)) writeFully(descriptor, bytes);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    // Where the folder itself is no folder, rmSync would throw.
    if (existsSync(draft)) rmSync(draft);
    throw new DiagnosticError(diagnostic('BB882', { file, reason: fileReason(error) }, { at: { file } }));
  }
}

export const writeText = (file: string, text: string): void =>
  writePieces(file, [new TextEncoder().encode(text)]);

function* windows(pieces: Iterable<Piece>): Iterable<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      yield piece;
      continue;
    }
    for (let done = 0; done < piece.byteLength; done += WINDOW_BYTES) {
      yield piece.source.read(piece.offset + done, Math.min(WINDOW_BYTES, piece.byteLength - done));
    }
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}
