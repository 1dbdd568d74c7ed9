// A fuzzing line of a Done list: targets in batches, each a process of its own, so that a hang or an end for lack of
// memory has an input, and a batch that was interrupted is all that is run again. `FUZZ_SEED=n` gives other inputs.
// What fails is in .cache/fuzz, with the command that shows it again.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Verification } from '../verify/verification.ts';
import { type FuzzReport, replayCommand, SLOW_MS } from './harness.ts';

export interface Plan {
  readonly target: string;
  /** Cases in a batch, and batches. */
  readonly cases: number;
  readonly count: number;
  /** Inputs that all batches together must have had. */
  readonly inputs: number;
  /** Of each process, in MiB. Garbage counts as memory, and V8 lets it lie while there is room. */
  readonly heapMiB?: number;
}

/** What a batch may leave behind on the heap, and hold at once: compiled code and tables are in it. */
const GROWN_BYTES = 32 * 2 ** 20;
const PEAK_BYTES = 1.5 * 2 ** 30;
/** The watchdog's patience with one input, the shrinking of a slow one included. */
const HANG_MS = 120_000;
const PROCESSES = 2;
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);

/** What inputs may take at most, on top of what the process had after its first few hundred. */
const ABOVE_BYTES = 200 * 1e6;

interface Batch extends FuzzReport {
  readonly grownBytes: number;
  readonly aboveBytes: number;
  readonly peakBytes: number;
}

const folder = path.join(projectRoot, '.cache/fuzz');

export async function runBatches(cx: Verification, plans: readonly Plan[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const todo = plans.flatMap(({ target, cases, count, heapMiB = 1024 }) =>
    Array.from({ length: count }, (_, at) => ({ target, cases, heapMiB, seed: FIRST_SEED + at })),
  );
  const done = new Map<string, Batch[]>();
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const { target, cases, heapMiB, seed } = next;
      const text = await cx.step(`${target} ${seed}`, async () =>
        JSON.stringify(await runBatch(target, seed, cases, heapMiB)),
      );
      const batch = JSON.parse(text) as Batch;
      done.set(target, [...(done.get(target) ?? []), batch]);
    }
  };
  await Promise.all(Array.from({ length: PROCESSES }, work));
  for (const plan of plans) show(cx, plan, done.get(plan.target) ?? []);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function show(cx: Verification, { target, inputs: wanted }: Plan, of: readonly Batch[]): void {
  const inputs = sum(of.map((one) => one.inputs));
  const seeds = of.map(({ seed }) => seed).sort((a, b) => a - b);
  const failures = of.filter(({ failure }) => failure !== undefined);
  for (const { seed, failure } of failures)
    cx.note(`${failure!.error}\n${replayCommand(target, seed, failure!.path)}`);
  cx.figure(
    `${target}, seeds ${seeds.join(' ')}`,
    `${inputs} inputs, ${failures.length} that must not be`,
    inputs >= wanted && failures.length === 0,
  );
  const counts = new Map<string, number>();
  for (const { outcomes } of of)
    for (const [name, count] of Object.entries(outcomes)) counts.set(name, (counts.get(name) ?? 0) + count);
  cx.note(
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name}: ${count}`)
      .join(', '),
  );
  const slowest = Math.max(0, ...of.map(({ slowestMs }) => slowestMs));
  const grown = Math.max(0, ...of.map(({ grownBytes }) => grownBytes));
  const peak = Math.max(0, ...of.map(({ peakBytes }) => peakBytes));
  cx.figure(`${target}, slowest input`, `${slowest} ms`, slowest <= SLOW_MS);
  const above = Math.max(0, ...of.map(({ aboveBytes }) => aboveBytes));
  cx.figure(`${target}, memory above that of the start`, mebibytes(above), above <= ABOVE_BYTES);
  cx.figure(
    `${target}, heap after a batch, most of the process`,
    `+${mebibytes(grown)}, ${mebibytes(peak)}`,
    grown <= GROWN_BYTES && peak <= PEAK_BYTES,
  );
}

/** Runs a batch in a process, and ends it if an input does not. */
async function runBatch(target: string, seed: number, cases: number, heapMiB: number): Promise<Batch> {
  const watch = path.join(folder, `${target}-${seed}.case`);
  writeFileSync(watch, new Uint8Array(8));
  const main = [
    'scripts/run-ts.mjs',
    'tests/fuzz/main.ts',
    target,
    '--seed',
    String(seed),
    '--runs',
    String(cases),
  ];
  const args = ['--expose-gc', `--max-old-space-size=${heapMiB}`, ...main, '--watch', watch];
  const child = spawn(process.execPath, args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, problems] = ['', ''];
  child.stdout.on('data', (part) => {
    out += part;
  });
  child.stderr.on('data', (part) => {
    problems += part;
  });
  const hung = await ended(child, watch);
  const line = out.trim();
  if (!hung && line.startsWith('{')) {
    const batch = JSON.parse(line) as Batch;
    if (batch.failure !== undefined)
      keep(target, seed, batch.failure.path, `${problems}\n${batch.failure.hex}\n`);
    return batch;
  }
  const at = String(caseAt(watch));
  const error = hung
    ? `an input that takes more than ${HANG_MS / 1000} s of the processor`
    : `the process ended: ${problems.slice(-2000)}`;
  keep(target, seed, at, error);
  const failure = { error, path: at, hex: '' };
  const nothing = {
    outcomes: {},
    slowestMs: hung ? HANG_MS : 0,
    slowestHex: '',
    grownBytes: 0,
    aboveBytes: 0,
    peakBytes: 0,
  };
  return { target, seed, cases: Number(at), inputs: Number(at), ...nothing, failure };
}

function keep(target: string, seed: number, at: string, text: string): void {
  const file = path.join(folder, `${target}-${seed}.txt`);
  writeFileSync(file, `${replayCommand(target, seed, at)}\n${text}`);
}

const caseAt = (watch: string): number => {
  const bytes = readFileSync(watch);
  return bytes.length < 8 ? 0 : bytes.readDoubleBE(0);
};

/** Time of the processor that a process has had, so that a busy machine is no hang; elsewhere than on Linux, time. */
function processorMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // utime and stime, in hundredths of a second.
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return performance.now();
  }
}

/** Resolves when the process has ended: true if it was made to, because one input took too long. */
function ended(child: ChildProcess, watch: string): Promise<boolean> {
  return new Promise((resolve) => {
    let hung = false;
    let [last, since] = [-1, 0];
    const timer = setInterval(() => {
      const now = caseAt(watch);
      const spent = processorMs(child.pid!);
      if (now !== last) [last, since] = [now, spent];
      else if (spent - since > HANG_MS) {
        hung = true;
        child.kill('SIGKILL');
      }
    }, 500);
    child.on('close', () => {
      clearInterval(timer);
      resolve(hung);
    });
  });
}
