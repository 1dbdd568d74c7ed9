// Modules that exist only in memory, as lint sees sources.

import path from 'node:path';
import { type Sources, sourcesOf } from '../../cli/lint/source/sources.ts';
import { openProject } from '../../cli/load/sources.ts';
import { projectRoot } from './root.ts';

// A folder from which Node's types are found. One project for all: what is not the author's is parsed once.
const folder = path.join(projectRoot, 'tests', 'fixtures', 'modules');
const project = openProject(folder);

/** The sources of `model.ts` among files by name; those of the last call are gone. */
export function sourcesFrom(files: Readonly<Record<string, string>>): Sources {
  for (const file of project.getSourceFiles()) {
    if (file.getFilePath().startsWith(folder)) project.removeSourceFile(file);
  }
  for (const [name, text] of Object.entries(files)) project.createSourceFile(path.join(folder, name), text);
  project.resolveSourceFileDependencies();
  return sourcesOf(project, path.join(folder, 'model.ts'));
}
