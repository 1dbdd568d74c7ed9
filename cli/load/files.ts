// Files that cannot be read, as diagnostics.

import { type Diagnostic, diagnostic } from '../../ir/index.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  EEXIST: 'a part of its path is no folder',
  EACCES: 'permission denied',
};

/** What an error of node:fs means for the user. */
export const fileReason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && reasons[code]) || message;
};

export const readProblem = (file: string, error: unknown): Diagnostic =>
  diagnostic('BB880', { file, reason: fileReason(error) }, { at: { file } });
