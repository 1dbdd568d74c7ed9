// Parts of the package as a page would load them: minified and gzipped.

import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { projectRoot } from './root.ts';

export const CORE_LIMIT_BYTES = 50_000;
/** Of what a program takes that uses none of the core's options. */
export const PLAIN_LIMIT_BYTES = 40_000;
export const CPU_LIMIT_BYTES = 100_000;

interface BundleSize {
  readonly bytes: number;
  /** What a browser does not have. */
  readonly nodeModules: readonly string[];
}

/** The runtime core: everything but a backend. */
export const coreSize = (): Promise<BundleSize> => sizeOf("export * from './runtime/index.ts';");

/** What a node cannot do without. */
export const plainSize = (): Promise<BundleSize> =>
  sizeOf(
    "export { checkManifest, decodeProgram, joinPieces, Node, pieceBytes, segmentModels } from './runtime/index.ts';",
  );

/** The CPU backend, with every operator or with some. `use`: what a page does with its exports, as source text. */
export const cpuSize = (use: string): Promise<BundleSize> =>
  sizeOf(`import * as cpu from './stdlib/backends/cpu/index.ts'; console.log(${use});`);

/** The files that come along with what source text imports. */
export const filesWith = async (contents: string): Promise<readonly string[]> =>
  Object.keys((await bundleOf(contents)).metafile.inputs);

async function sizeOf(contents: string): Promise<BundleSize> {
  const { outputFiles, metafile } = await bundleOf(contents);
  const nodeModules = Object.keys(metafile.inputs).filter((file) => file.startsWith('node:'));
  return { bytes: gzipSync(outputFiles[0]!.contents, { level: 9 }).length, nodeModules };
}

const bundleOf = (contents: string) =>
  build({
    stdin: { contents, resolveDir: projectRoot, loader: 'ts' },
    absWorkingDir: projectRoot,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
