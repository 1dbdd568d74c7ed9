// Makes a new project in a folder.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';
import { packageRoot } from '../load/package.ts';
import { writeText } from '../write.ts';
import { dependencyOn } from './dependency.ts';
import { projectFiles } from './files.ts';
import type { Template } from './templates.ts';

export interface Wishes {
  readonly folder: string;
  readonly name: string;
  readonly template: Template;
  /** Write over files that are there. */
  readonly force: boolean;
}

/** Writes the files of a new project; gives their paths within the folder. */
export function createProject({ folder, name, template, force }: Wishes): readonly string[] {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) {
      const args = { file: folder, reason: 'it is a file' };
      throw new DiagnosticError(diagnostic('BB882', args, { at: { file: folder } }));
    }
    if (!force) requireEmpty(folder);
  }
  const { version, optionalDependencies } = JSON.parse(
    readFileSync(path.join(packageRoot, 'package.json'), 'utf8'),
  ) as { version: string; optionalDependencies: Readonly<Record<string, string>> };
  const files = projectFiles({
    name,
    template,
    dependency: dependencyOn(packageRoot, version, folder),
    onnxRuntime: optionalDependencies['onnxruntime-node']!,
  });
  for (const [file, text] of Object.entries(files)) writeText(path.join(folder, file), text);
  return Object.keys(files);
}

/** A fresh repository counts as empty. */
function requireEmpty(folder: string): void {
  const other = readdirSync(folder).find((file) => file !== '.git');
  if (other !== undefined)
    throw new DiagnosticError(diagnostic('BB891', { folder, other }, { at: { file: folder } }));
}

const MAX_NAME = 214;

/** Whether npm takes the name for a package. */
export const isPackageName = (name: string): boolean =>
  name.length <= MAX_NAME && /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/.test(name);

/** A package name after a folder's. */
export function nameAfter(folder: string): string {
  const name = path
    .basename(path.resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9-._]+/g, '-')
    .replace(/^[-._]+|-+$/g, '')
    .slice(0, MAX_NAME);
  return name === '' ? 'computation' : name;
}
