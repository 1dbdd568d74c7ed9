// Reads files whole, and says which cannot be read.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Diagnostic, DiagnosticError, diagnostic } from '../../../ir/index.ts';

/** A file's text, named as messages show it. */
export interface TextFile {
  readonly name: string;
  readonly text: string;
}

export function unreadable(file: string, error: unknown): Diagnostic {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason =
    code === 'ENOENT' ? 'it is not there' : code === 'EISDIR' ? 'it is a folder' : (message ?? String(error));
  return diagnostic('BB770', { file, reason }, { at: { file } });
}

/** Throws DiagnosticError BB770. */
export function readText(folder: string, file: string): TextFile {
  const name = path.join(folder, file);
  return { name, text: reading(name, () => readFileSync(path.resolve(folder, file), 'utf8')) };
}

/** Names in a folder, in the order of their characters' codes. Throws DiagnosticError BB770. */
export function namesIn(folder: string): readonly { readonly name: string; readonly isFolder: boolean }[] {
  return reading(folder, () =>
    readdirSync(path.resolve(folder), { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new DiagnosticError(unreadable(file, error));
  }
}
