// Modules that exist only in memory, as lint sees sources.

import path from 'node:path';
import { type Sources, sourcesOf } from '../../cli/lint/source/sources.ts';
import { openSources } from '../../cli/load/sources.ts';
import { projectRoot } from './root.ts';

// A folder from which Node's types are found.
const folder = path.join(projectRoot, 'tests', 'fixtures', 'modules');

/** The sources of `model.ts` among files by name. */
export function sourcesFrom(files: Readonly<Record<string, string>>): Sources {
  const at = (name: string): string => path.join(folder, name);
  const overlay = new Map(Object.entries(files).map(([name, text]) => [at(name), text]));
  return sourcesOf(openSources(at('model.ts'), { nodeTypes: true, overlay }), at('model.ts'));
}
