// How a new project gets the package that made it: from where this one came.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

interface Lock {
  readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
}

/**
 * What package.json of a project in `folder` says to get the package at `root`: the same tarball or checkout if it
 * came from one, since no registry may have that version, otherwise `^version`.
 */
export function dependencyOn(root: string, version: string, folder: string): string {
  const local = localOrigin(root);
  return local === undefined ? `^${version}` : `file:${relativePath(folder, local)}`;
}

/** The tarball or folder that a package was installed from. */
function localOrigin(root: string): string | undefined {
  const modules = path.dirname(root);
  // npm links a folder instead of copying it, so we run where it really lies.
  if (path.basename(modules) !== 'node_modules') return root;
  const resolved = readLock(modules)?.packages?.[`node_modules/${path.basename(root)}`]?.resolved;
  if (resolved === undefined || !resolved.startsWith('file:')) return undefined;
  const file = path.resolve(path.dirname(modules), resolved.slice('file:'.length));
  return existsSync(file) ? file : undefined;
}

/** What npm writes down in node_modules about what it put there. */
function readLock(modules: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(path.join(modules, '.package-lock.json'), 'utf8')) as Lock;
  } catch {
    // Another package manager, or none: nothing is known then.
    return undefined;
  }
}

/** npm takes `..` of the folder as it really lies, links resolved. */
const relativePath = (folder: string, target: string): string =>
  path.relative(realFolder(folder), realpathSync(target)).split(path.sep).join('/');

/** The real path of a folder that need not exist yet. */
function realFolder(folder: string): string {
  const absolute = path.resolve(folder);
  if (existsSync(absolute)) return realpathSync(absolute);
  return path.join(realFolder(path.dirname(absolute)), path.basename(absolute));
}
