// The CPU backend as a page would load it: minified and gzipped, with every operator or with some.

import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { projectRoot } from './root.ts';

export const CPU_LIMIT_BYTES = 100_000;

/** `use`: what a page does with the module's exports, as source text. */
export async function cpuSize(use: string): Promise<{ bytes: number; nodeModules: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `import * as cpu from './stdlib/backends/cpu/index.ts'; console.log(${use});`,
      resolveDir: projectRoot,
      loader: 'ts',
    },
    absWorkingDir: path.resolve(projectRoot),
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
