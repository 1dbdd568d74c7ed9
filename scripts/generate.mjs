// Makes every generated file again, byte for byte: runs each generate-*.mjs beside this file.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const folder = import.meta.dirname;
for (const script of readdirSync(folder).sort()) {
  if (!/^generate-.*\.mjs$/.test(script)) continue;
  process.stdout.write(`${script}\n`);
  const { status } = spawnSync(process.execPath, [path.join(folder, script)], {
    cwd: path.dirname(folder),
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
