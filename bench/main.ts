// npm run bench: every figure of the benchmarks in one run, and whether each is within its limit.

import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { benches } from './benches.ts';
import type { Figure } from './figure.ts';

const help = `usage: npm run bench -- [--only NAME]… [--json]

  --only NAME  one of ${Object.keys(benches).join(', ')}; may be repeated
  --json       the figures as one JSON document

Exit status: 0 all within their limits, 1 a limit is missed, 2 wrong usage.
`;

const missed = ({ value, limit }: Figure): boolean => limit !== undefined && !(value <= limit);

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const figures: Figure[] = [];
  for (const name of options.names) {
    const began = performance.now();
    process.stderr.write(`${name} …`);
    figures.push(...(await inOwnProcess(name)));
    process.stderr.write(` ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
  }
  const ok = !figures.some(missed);
  process.stdout.write(options.json ? `${JSON.stringify({ ok, figures }, null, 2)}\n` : table(figures));
  return ok ? 0 : 1;
}

const inOwnProcess = (name: string): Promise<readonly Figure[]> =>
  new Promise((resolve, reject) => {
    const child = fork(new URL('./one.js', import.meta.url), [name], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    let figures: readonly Figure[] | undefined;
    child.on('message', (message) => {
      figures = message as readonly Figure[];
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (figures !== undefined && status === 0) resolve(figures);
      else reject(new Error(`benchmark ${name} ended with ${status ?? signal}`));
    });
  });

function readOptions(): { readonly names: readonly string[]; readonly json: boolean } | number {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const names = values.only ?? Object.keys(benches);
    const unknown = names.find((name) => !Object.hasOwn(benches, name));
    if (unknown === undefined) return { names, json: values.json };
    process.stderr.write(`no benchmark ${unknown}\n\n${help}`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
  return 2;
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${round(figure.value)} ${figure.unit}`,
    figure.limit === undefined ? '' : `at most ${figure.limit}`,
    figure.limit === undefined ? '' : missed(figure) ? 'MISSES' : 'holds',
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** Three digits, as far as there is a point. */
const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

process.exitCode = await main();
