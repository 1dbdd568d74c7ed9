// The files beside a model that hold its weights.

import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ByteSource } from '../../ir/index.ts';
import type { OpenExternal } from '../../ir/onnx/external.ts';
import { fileSource } from '../../runtime/host/node-source.ts';

/** Opens files in the folder of a model file and below, and no others. */
export function externalBeside(modelFile: string): OpenExternal {
  const folder = path.dirname(modelFile);
  // Once each: a model may keep thousands of tensors in one file, and a process has only so many descriptors.
  const opened = new Map<string, ReturnType<OpenExternal>>();
  return (location) => {
    if (!opened.has(location)) opened.set(location, openInside(folder, location));
    return opened.get(location);
  };
}

function openInside(folder: string, location: string): ByteSource | 'outside' | undefined {
  const file = path.join(folder, location);
  if (!existsSync(file)) return undefined;
  const inside = path.relative(realpathSync(folder), realpathSync(file));
  if (inside.split(path.sep)[0] === '..' || path.isAbsolute(inside)) return 'outside';
  if (!statSync(file).isFile()) return undefined;
  return fileSource(file, location);
}
