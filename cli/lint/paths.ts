// Paths as people and code-scanning services write them.

import path from 'node:path';

/** From the working folder, with slashes. */
export const relativePath = (file: string): string => path.relative('', file).replaceAll(path.sep, '/');
