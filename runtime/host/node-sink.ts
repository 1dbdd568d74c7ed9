// Writes a deployment's files: copied and hashed in one go, beside their place, and moved there at the end.

import { createHash, type Hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {
  type ByteRange,
  DiagnosticError,
  diagnostic,
  type FileReference,
  type FolderSink,
  type Piece,
} from '../../ir/index.ts';

/**
 * Copied at a time: in the caches between reading, hashing and writing. Linux takes writes of this size three times
 * as fast as writes of 1 MiB, for which it looks for larger free blocks of memory.
 */
const WINDOW_BYTES = 128 << 10;

/**
 * Lets `fill` write files and then makes them the content of `folder`, which is created, or is an earlier
 * deployment that this one replaces. Throws BB653, and changes nothing, if something else is in the way, BB882 if
 * the system refuses; if `fill` throws, nothing was written.
 */
export function writeFolder<Result>(folder: string, fill: (sink: FolderSink) => Result): Result {
  try {
    return makeFolder(folder, fill);
  } catch (error) {
    // A file in the way, no permission, a full disk: the user's to mend.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new DiagnosticError(diagnostic('BB882', { file: folder, reason: error.message }));
  }
}

function makeFolder<Result>(folder: string, fill: (sink: FolderSink) => Result): Result {
  const target = path.resolve(folder);
  const old = existsSync(target) ? earlierDeployment(folder) : undefined;
  const parent = path.dirname(target);
  const firstMade = mkdirSync(parent, { recursive: true });
  const draft = mkdtempSync(path.join(parent, `.${path.basename(target)}-`));
  // Temporary folders are private; this one becomes an ordinary one.
  chmodSync(draft, 0o777 & ~process.umask());
  try {
    const result = fill({ write: (file, pieces) => writeFile(draft, file, pieces), sha256 });
    if (old === undefined) renameSync(draft, target);
    else replace(target, draft, old);
    return result;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (firstMade !== undefined) rmSync(firstMade, { recursive: true, force: true });
    throw error;
  }
}

/** In lower-case hex. */
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function writeFile(root: string, file: string, pieces: Iterable<Piece>): FileReference {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  const descriptor = openSync(full, 'w');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for (const piece of pieces) bytes += writePiece(descriptor, hash, piece);
    return { file: path.basename(file), bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(descriptor);
  }
}

/** Appends one piece; gives its length. */
function writePiece(descriptor: number, hash: Hash, piece: Piece): number {
  const append = (bytes: Uint8Array): void => {
    hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  };
  if (piece instanceof Uint8Array) {
    append(piece);
    return piece.length;
  }
  copyRange(piece, append);
  return piece.byteLength;
}

/** Reused by every copy: fresh memory for each window costs more than reading and hashing it. */
let reused: Uint8Array | undefined;

/** Files are read past their source, into the reused window. */
function copyRange({ source, offset, byteLength }: ByteRange, append: (bytes: Uint8Array) => void): void {
  const end = offset + byteLength;
  if (source.path === undefined || byteLength < WINDOW_BYTES) {
    for (let at = offset; at < end; at += WINDOW_BYTES) {
      append(source.read(at, Math.min(WINDOW_BYTES, end - at)));
    }
    return;
  }
  reused ??= new Uint8Array(WINDOW_BYTES);
  const descriptor = openSync(source.path, 'r');
  try {
    for (let at = offset; at < end; ) {
      const count = readSync(descriptor, reused, 0, Math.min(WINDOW_BYTES, end - at), at);
      if (count === 0) throw new RangeError(`${source.name} became shorter while it was read`);
      append(reused.subarray(0, count));
      at += count;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Entries of an earlier deployment in the folder; throws if the folder holds anything else. */
function earlierDeployment(folder: string): readonly string[] {
  const found = readdirSync(folder);
  let mine = new Set<string>();
  if (found.includes('plan.json')) {
    try {
      const plan = JSON.parse(readFileSync(path.join(folder, 'plan.json'), 'utf8'));
      const folders = Object.values<{ folder: string }>(plan.programs).map((one) => one.folder);
      mine = new Set(['plan.json', ...folders]);
    } catch {
      // Not a plan: then it is somebody's file, and in the way.
    }
  }
  const other = found.find((entry) => !mine.has(entry));
  if (other !== undefined) throw new DiagnosticError(diagnostic('BB653', { folder, other }));
  return found;
}

/** The plan goes first and comes last: a reader meanwhile finds no deployment rather than half of two. */
function replace(target: string, draft: string, old: readonly string[]): void {
  const planFirst = [...old].sort((a, b) => Number(b === 'plan.json') - Number(a === 'plan.json'));
  for (const entry of planFirst) rmSync(path.join(target, entry), { recursive: true, force: true });
  const fresh = readdirSync(draft).sort((a, b) => Number(a === 'plan.json') - Number(b === 'plan.json'));
  for (const entry of fresh) renameSync(path.join(draft, entry), path.join(target, entry));
  rmSync(draft, { recursive: true, force: true });
}
