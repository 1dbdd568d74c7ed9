// Remakes the message classes from the .proto files: ir/generated from ir/*.proto, and the envelope's.
// Uses buf, which is fetched for this alone; the plugin is a development dependency.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const plugin = path.join(root, 'node_modules/.bin/protoc-gen-es');
const modules = [
  { protos: 'ir', out: 'ir/generated' },
  // The runtime has its own codec; tests hold it to these.
  { protos: 'runtime/wire', out: 'tests/generated' },
];

for (const { protos, out } of modules) {
  const folder = path.join(root, protos);
  if (!existsSync(folder)) continue;
  const template = {
    version: 'v2',
    plugins: [{ local: plugin, out: path.join(root, out), opt: ['target=ts', 'import_extension=ts'] }],
  };
  const { status } = spawnSync(
    'npx',
    ['--yes', '@bufbuild/buf@1.75.0', 'generate', folder, '--template', JSON.stringify(template)],
    { cwd: folder, stdio: 'inherit' },
  );
  if (status !== 0) process.exit(status ?? 1);
}
