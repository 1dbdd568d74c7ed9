// npm run verify -- spine.3    runs line 3 of the Done list `spine` at full size
// npm run verify -- spine      runs all its lines
// Steps that are done are kept in .cache/verify and not run again with the same build: an interrupted run goes
// on where it was. --fresh forgets them. Exit 1 if a figure misses.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { modelNames, modelPath, packageFolder } from './models.mjs';
import { importTs } from './run-ts.mjs';

const root = path.dirname(import.meta.dirname);
const lines = readdirSync(path.join(root, 'tests/verify'))
  .map((file) => /^([a-z]+)-(\d+)\.ts$/.exec(file))
  .filter((match) => match !== null)
  .map(([file, list, number]) => ({ file, name: `${list}.${number}`, list, number: Number(number) }))
  .sort((a, b) => a.list.localeCompare(b.list) || a.number - b.number);

const args = process.argv.slice(2);
const fresh = args.includes('--fresh');
const asked = args.filter((arg) => !arg.startsWith('--'));
const chosen = lines.filter(({ name, list }) => asked.includes(name) || asked.includes(list));
if (chosen.length === 0) {
  process.stderr.write(
    `usage: npm run verify -- LINE [--fresh], with LINE of ${lines.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}
if (!existsSync(path.join(root, 'dist/cli/main.js'))) {
  process.stderr.write('run `npm run build` first\n');
  process.exit(2);
}
process.setSourceMapsEnabled(true);

const build = hashOfBuild();
let missed = 0;
for (const line of chosen) missed += await verify(line);
process.exit(missed === 0 ? 0 : 1);

async function verify({ file, name }) {
  const folder = path.join(root, '.cache/verify', name);
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const source = readFileSync(path.join(root, 'tests/verify', file));
  const key = createHash('sha256').update(build).update(source).digest('hex');
  const kept = path.join(folder, 'progress.json');
  let progress = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
  if (progress.key !== key) progress = { key, steps: {} };
  let [held, failed] = [0, 0];
  process.stdout.write(`${name}\n`);
  const started = performance.now();
  const { default: run } = await importTs(path.join(root, 'tests/verify', file));
  await run({
    modelNames,
    model: modelPath,
    packageFolder,
    folder,
    step: async (step, work) => {
      if (step in progress.steps) return progress.steps[step];
      progress.steps[step] = await work();
      writeFileSync(`${kept}.new`, JSON.stringify(progress));
      renameSync(`${kept}.new`, kept);
      return progress.steps[step];
    },
    figure: (what, value, holds) => {
      if (holds) held++;
      else failed++;
      process.stdout.write(`  ${holds ? 'holds ' : 'MISSES'}  ${what}: ${value}\n`);
    },
    note: (text) => process.stdout.write(`          ${text}\n`),
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  // A line that shows nothing has verified nothing.
  if (held + failed === 0) failed = 1;
  process.stdout.write(`${name}: ${held} hold, ${failed} miss (${seconds} s)\n`);
  return failed;
}

function hashOfBuild() {
  const hash = createHash('sha256');
  for (const file of readdirSync(path.join(root, 'dist'), { recursive: true }).sort()) {
    if (file.endsWith('.js')) hash.update(file).update(readFileSync(path.join(root, 'dist', file)));
  }
  return hash.digest('hex');
}
