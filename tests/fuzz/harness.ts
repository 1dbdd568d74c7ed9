// Runs a target over many inputs of fast-check: counts what came of each, times each, and shrinks the first that
// throws or takes too long.

import fc from 'fast-check';

export interface TargetSpec<Input> {
  readonly name: string;
  readonly arbitrary: fc.Arbitrary<Input>;
  /** What came of an input, to be counted; several where it is a sequence. Throws for whatever must not happen. */
  run(input: Input): readonly string[];
  /** The input as bytes, to be printed and kept. */
  bytes(input: Input): Uint8Array;
  /** Inputs that one case stands for, where it is a sequence. */
  count?(input: Input): number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Cases, each from the seed and its index. */
  readonly runs: number;
  /** Only the case at this path, as a failure printed it. */
  readonly path?: string;
  /** Told before each case, for whoever watches over a hang. */
  readonly onCase?: (index: number) => void;
}

export interface Failure {
  readonly error: string;
  readonly path: string;
  readonly hex: string;
}

export interface FuzzReport {
  readonly target: string;
  readonly seed: number;
  readonly cases: number;
  readonly inputs: number;
  /** How often, by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  /** Of the slowest case; the middle is cut out. */
  readonly slowestHex: string;
  readonly failure?: Failure;
}

export interface Target {
  readonly name: string;
  fuzz(options: FuzzOptions): FuzzReport;
}

/** No input may take longer. */
export const SLOW_MS = 1000;
const SHRINKING_MS = 60_000;
const SHOWN_HEX = 400;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const cut = (hex: string): string =>
  hex.length <= SHOWN_HEX ? hex : `${hex.slice(0, SHOWN_HEX / 2)}…${hex.slice(-SHOWN_HEX / 2)}`;

export function target<Input>(spec: TargetSpec<Input>): Target {
  return { name: spec.name, fuzz: (options) => fuzz(spec, options) };
}

function fuzz<Input>(spec: TargetSpec<Input>, { seed, runs, path, onCase }: FuzzOptions): FuzzReport {
  const outcomes = new Map<string, number>();
  let [cases, inputs, slowestMs, slowest] = [0, 0, 0, undefined as Input | undefined];
  let failed = false;
  let failedMs = 0;
  const property = fc.property(spec.arbitrary, (input) => {
    if (!failed) [failedMs] = [processorMs(), onCase?.(cases)];
    // Shrinking an input that is slow is slow: it ends in time, with the smallest found so far.
    else if (processorMs() - failedMs > SHRINKING_MS) return;
    failed = true;
    const { found, ms } = timed(spec, input);
    if (ms > SLOW_MS) throw new Error(`took ${Math.round(ms)} ms`);
    failed = false;
    cases++;
    inputs += spec.count?.(input) ?? 1;
    for (const one of found) outcomes.set(one, (outcomes.get(one) ?? 0) + 1);
    if (ms > slowestMs) [slowestMs, slowest] = [ms, input];
  });
  const given = path === undefined ? {} : { path };
  const details = fc.check(property, { seed, numRuns: runs, ...given });
  const [counterexample] = details.counterexample ?? [];
  return {
    target: spec.name,
    seed,
    cases,
    inputs,
    outcomes: Object.fromEntries([...outcomes].sort(([, a], [, b]) => b - a)),
    slowestMs: Math.round(slowestMs * 10) / 10,
    slowestHex: slowest === undefined ? '' : cut(hexOf(spec.bytes(slowest))),
    ...(details.failed && {
      failure: {
        error: described(details.errorInstance) ?? 'failed',
        path: details.counterexamplePath ?? '',
        hex: counterexample === undefined ? '' : hexOf(spec.bytes(counterexample as Input)),
      },
    }),
  };
}

const described = (error: unknown): string | undefined =>
  error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 8).join('\n') : undefined;

/** Time of the processor, so that other work on the machine does not count; the best of three. */
function timed<Input>(spec: TargetSpec<Input>, input: Input) {
  let ms = Number.POSITIVE_INFINITY;
  let found: readonly string[] = [];
  for (let times = 0; times < 3 && ms > SLOW_MS; times++) {
    const started = processorMs();
    found = spec.run(input);
    ms = Math.min(ms, processorMs() - started);
  }
  return { found, ms };
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** How to see a failure again. */
export const replayCommand = (name: string, seed: number, path: string): string =>
  `node --expose-gc scripts/run-ts.mjs tests/fuzz/main.ts ${name} --seed ${seed} --path ${path}`;
