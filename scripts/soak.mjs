// npm run soak                   ten thousand seeds of the chaos faults over the examples, on every core
// npm run soak -- --seeds 500    so many
// What is done is kept in .cache/soak and not done again with the same build: an interrupted soak goes on where it was.
// --fresh forgets it. Exit 1 if a checker found something, with the command that repeats it.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { importTs, outfileOf } from './run-ts.mjs';

const root = path.dirname(import.meta.dirname);
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    fresh: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
});
/** Flows of one seed, and seeds of one batch. */
const FLOWS = 5;
const BATCH = 20;

if (!existsSync(path.join(root, 'dist/cli/main.js'))) {
  process.stderr.write('run `npm run build` first\n');
  process.exit(2);
}
process.setSourceMapsEnabled(true);
const source = path.join(root, 'tests/support/chaos.ts');
// The process that started this one has bundled it.
const { chaos, chaosExamples, isPlain } = await (values.child
  ? import(pathToFileURL(outfileOf(source)).href)
  : importTs(source));
if (values.child) {
  process.on('message', async ({ name, seeds }) => {
    process.send(await chaos(name, seeds, FLOWS));
  });
  process.send('ready');
} else process.exitCode = await soak();

async function soak() {
  const [wanted, workers] = [Number(values.seeds), Number(values.workers)];
  const folder = path.join(root, '.cache/soak');
  if (values.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'progress.json');
  const key = hashOfBuild();
  let progress = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  if (progress.key !== key) progress = { key, batches: {} };
  const { batches } = progress;
  const all = batchesOf(wanted);
  const left = all.filter(({ id }) => !(id in batches));
  const began = performance.now();
  const todo = left.length;
  process.stdout.write(
    `${wanted} seeds, ${workers} processes; ${all.length - todo} of ${all.length} batches are done\n`,
  );
  let done = 0;
  const keep = (batch, found) => {
    batches[batch.id] = found;
    writeFileSync(`${file}.new`, JSON.stringify(progress));
    renameSync(`${file}.new`, file);
    done++;
    for (const one of found.violations) process.stdout.write(`${commandFor(batch.name, one)}\n`);
    const minutes = (performance.now() - began) / 6e4;
    const rest = ((minutes / done) * (todo - done)).toFixed(0);
    if (done % 10 === 0 || done === todo)
      process.stdout.write(`${done} of ${todo} batches in ${minutes.toFixed(1)} min, ${rest} min to go\n`);
  };
  await Promise.all(Array.from({ length: Math.min(workers, todo) }, () => work(left, keep)));
  return tell(all, batches);
}

/** Each example has seeds of its own. */
function batchesOf(wanted) {
  const each = Math.ceil(wanted / chaosExamples.length);
  const perExample = chaosExamples.map((name, index) =>
    Array.from({ length: Math.ceil(each / BATCH) }, (_, at) => {
      const first = index * each + at * BATCH + 1;
      const count = Math.min(BATCH, each - at * BATCH);
      return {
        name,
        id: `${name} from ${first}, ${count}`,
        seeds: Array.from({ length: count }, (_, seed) => first + seed),
      };
    }),
  );
  // In turns, so that what is said of the time that is left is of all.
  return perExample[0].flatMap((_, at) => perExample.map((one) => one[at]));
}

/** A process takes one batch after another. Where it ends by itself, which is a finding, another takes its place. */
function work(left, keep) {
  return new Promise((resolve) => {
    const child = fork(import.meta.filename, ['--child'], { cwd: root });
    let batch;
    child.on('message', (found) => {
      if (found !== 'ready') keep(batch, found);
      batch = left.shift();
      if (batch === undefined) child.disconnect();
      else child.send(batch);
    });
    child.on('exit', (status, signal) => {
      if (batch === undefined) return resolve();
      const violation = `seed ${batch.seeds[0]} or one of ${batch.seeds.length - 1} after it: the process ended with ${status ?? signal}`;
      keep(batch, { runs: 0, events: 0, flows: {}, violations: [violation] });
      resolve(left.length > 0 ? work(left, keep) : undefined);
    });
  });
}

/** `violation` begins with `seed N: `. */
function commandFor(name, violation) {
  const seed = Number(/^seed (\d+)/.exec(violation)[1]);
  const network = isPlain(seed) ? ' --network plain' : '';
  const files = `examples/${name}/model.ts --peers examples/${name}/topology.json`;
  return `${name}, ${violation}\n  bbc sim ${files} --compute modelled --faults chaos --random 1 --flows ${FLOWS} --seed ${seed}${network}`;
}

function tell(all, batches) {
  const [sums, violations] = [new Map(), []];
  for (const { name, id } of all) {
    const found = batches[id];
    const sum = sums.get(name) ?? { runs: 0, events: 0, flows: {}, violations: 0 };
    sum.runs += found.runs;
    sum.events += found.events;
    sum.violations += found.violations.length;
    for (const [status, count] of Object.entries(found.flows))
      sum.flows[status] = (sum.flows[status] ?? 0) + count;
    violations.push(...found.violations.map((one) => commandFor(name, one)));
    sums.set(name, sum);
  }
  let runs = 0;
  for (const [name, sum] of sums) {
    runs += sum.runs;
    const flows = Object.entries(sum.flows).map(([status, count]) => `${count} ${status}`);
    process.stdout.write(
      `${name}: ${sum.runs} seeds, ${sum.events} events, flows: ${flows.join(', ')}; ${sum.violations} violations\n`,
    );
  }
  for (const one of violations) process.stdout.write(`${one}\n`);
  process.stdout.write(`${runs} seeds, ${violations.length} violations\n`);
  return violations.length === 0 ? 0 : 1;
}

function hashOfBuild() {
  const hash = createHash('sha256');
  for (const file of readdirSync(path.join(root, 'dist'), { recursive: true }).sort())
    if (file.endsWith('.js')) hash.update(file).update(readFileSync(path.join(root, 'dist', file)));
  return hash.update(readFileSync(path.join(root, 'tests/support/chaos.ts'))).digest('hex');
}
