import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const LIMIT_BYTES = 40_000;

test('the runtime core, with the decoding of program, manifest and envelope, stays under 40 kB gzipped', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['runtime/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    // A `node:` module would make the bundle fail on this platform.
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const bytes = gzipSync(outputFiles[0]!.contents).length;
  console.log(`runtime core: ${bytes} bytes gzipped, limit ${LIMIT_BYTES}`);
  expect(Object.keys(metafile.inputs).filter((file) => file.startsWith('node:'))).toEqual([]);
  expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
});
