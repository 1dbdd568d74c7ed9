// The runtime core as a browser would load it: everything but a backend, minified and gzipped.

import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { projectRoot } from './root.ts';

export const CORE_LIMIT_BYTES = 40_000;

/** Fails if the core needs a `node:` module: the bundle is for a browser. */
export async function coreSize(): Promise<{ bytes: number; nodeModules: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [path.join(projectRoot, 'runtime/index.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const nodeModules = Object.keys(metafile.inputs).filter((file) => file.startsWith('node:'));
  return { bytes: gzipSync(outputFiles[0]!.contents).length, nodeModules };
}
