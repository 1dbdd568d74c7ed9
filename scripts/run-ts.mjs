// Runs a TypeScript file outside the build (an example, a verification): `node scripts/run-ts.mjs FILE [ARGS]`.
// Packages stay outside the bundle, so `bytesandbrains` is the built package, as its users see it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(import.meta.dirname);

/** What a file of the project is bundled into: inside the project, so that packages resolve. */
export const outfileOf = (file) =>
  path.join(root, '.cache/run', `${path.relative(root, path.resolve(file)).replaceAll(path.sep, '-')}.mjs`);

/** Imports a TypeScript file of the project and gives its exports. */
export async function importTs(file) {
  const entry = path.resolve(file);
  const outfile = outfileOf(file);
  mkdirSync(path.dirname(outfile), { recursive: true });
  await build({
    entryPoints: [entry],
    bundle: true,
    packages: 'external',
    // The project's own layers are taken from the build too: one instance of each module.
    plugins: [
      {
        name: 'layers-from-dist',
        setup(build) {
          build.onResolve({ filter: /^\.\.?\// }, ({ path: name, resolveDir }) => {
            const target = path.relative(root, path.join(resolveDir, name));
            if (!/^(ir|dsl|compiler|runtime|stdlib|cli|bench)\//.test(target)) return undefined;
            const built = path.join(root, 'dist', target.replace(/\.ts$/, '.js'));
            return { path: pathToFileURL(built).href, external: true };
          });
        },
      },
    ],
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(entry).href),
      'import.meta.dirname': JSON.stringify(path.dirname(entry)),
    },
    outfile,
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

if (process.argv[1] === import.meta.filename) {
  const [file, ...args] = process.argv.slice(2);
  process.setSourceMapsEnabled(true);
  process.argv.splice(1, process.argv.length - 1, path.resolve(file), ...args);
  await importTs(file);
}
