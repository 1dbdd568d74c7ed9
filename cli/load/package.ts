// Where this package lies.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of our package.json: two or three up, as we run from the sources or from dist. */
export const packageRoot: string = (() => {
  for (let at = path.dirname(fileURLToPath(import.meta.url)); ; at = path.dirname(at)) {
    if (existsSync(path.join(at, 'package.json'))) return at;
  }
})();

/** The version in our package.json. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
