// One target, one seed: node --expose-gc scripts/run-ts.mjs tests/fuzz/main.ts TARGET --seed S [--runs N] [--path P]
//
// Prints its report as one line of JSON. With --watch FILE it writes the index of each case there before it runs
// it, so that whoever started it knows which one hangs or ends the process.

import { openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { replayCommand } from './harness.ts';
import { targets } from './targets.ts';

declare const gc: (() => void) | undefined;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1000' },
    path: { type: 'string' },
    watch: { type: 'string' },
  },
});
const chosen = targets.find(({ name }) => name === positionals[0]);
if (chosen === undefined) {
  process.stderr.write(`usage: main.ts TARGET, one of ${targets.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const watch = values.watch === undefined ? undefined : openSync(values.watch, 'w');
const index = new Uint8Array(8);
const seed = Number(values.seed);
const heapBytes = (): number => {
  gc?.();
  return process.memoryUsage().heapUsed;
};

// Tables and compiled code are there after a while; what grows from then on is a leak.
chosen.fuzz({ seed: 0, runs: 300 });
const before = heapBytes();
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;
const startBytes = peakBytes();
const { path } = values;
const report = chosen.fuzz({
  seed,
  runs: Number(values.runs),
  ...(path === undefined ? {} : { path }),
  ...(watch !== undefined && {
    onCase: (at: number) => {
      new DataView(index.buffer).setFloat64(0, at);
      writeSync(watch, index, 0, 8, 0);
    },
  }),
});
const grownBytes = heapBytes() - before;
const aboveBytes = peakBytes() - startBytes;
const { failure } = report;
if (failure !== undefined) {
  process.stderr.write(
    `${failure.error}\n${replayCommand(chosen.name, seed, failure.path)}\n${failure.hex}\n`,
  );
}
process.stdout.write(`${JSON.stringify({ ...report, grownBytes, aboveBytes, peakBytes: peakBytes() })}\n`);
