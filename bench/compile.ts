// How compiling scales: time per op over the size of the graph; memory and time over the size of the weights.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chainTopology, compile } from '../compiler/index.ts';
import {
  DiagnosticError,
  exportModel,
  importModel,
  memorySource,
  type Weight,
  weightOf,
} from '../ir/index.ts';
import type { Figure } from './figure.ts';
import { median } from './pairs.ts';
import { processorSeconds } from './processor.ts';
import { chainModel, modelBytes } from './synthetic.ts';

const PEERS = 4;

/** Processor time per op over the size of the graph. */
export async function benchCompile(): Promise<readonly Figure[]> {
  const perOp = new Map<number, number>();
  for (const [count, tries] of [
    // The first of them pay for compiling the compiler itself.
    [1_000, 30],
    [10_000, 8],
    [100_000, 2],
  ] as const) {
    const bytes = modelBytes(chainModel(count));
    const runs = Array.from({ length: tries }, () => {
      const start = process.cpuUsage();
      const { model } = importModel(memorySource('chain.onnx', bytes));
      const { ok, diagnostics } = compile(model!, { topology: chainTopology(PEERS) });
      if (!ok) throw new DiagnosticError(diagnostics);
      return processorSeconds(start);
    });
    perOp.set(count, (Math.min(...runs) * 1e6) / count);
  }
  const [small, medium, large] = [perOp.get(1_000)!, perOp.get(10_000)!, perOp.get(100_000)!];
  return [
    { name: 'compile, 1k ops', value: small, unit: 'µs/op' },
    { name: 'compile, 10k ops', value: medium, unit: 'µs/op' },
    { name: 'compile, 100k ops', value: large, unit: 'µs/op' },
    { name: 'compile, 100k ops', value: large / 10, unit: 's', limit: 10 },
    { name: 'compile, growth per op from 1k to 10k', value: medium / small, unit: '×', limit: 1.5 },
    { name: 'compile, growth per op from 10k to 100k', value: large / medium, unit: '×', limit: 1.5 },
  ];
}

const WEIGHT_BYTES = 1.5e9;
const LAYER_WIDTH = 4096;
const WEIGHT_ROUNDS = 5;

/** Memory and time of a compilation whose weights are large. */
export async function benchWeights(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-weights-'));
  try {
    const model = writeLargeModel(folder);
    const copied = (): number => {
      settleDisk();
      return copyAndHash(path.join(folder, 'weights.bin'), path.join(folder, 'copy.bin'));
    };
    const compiled = () => {
      settleDisk();
      return compileInChild(model, path.join(folder, 'dist'));
    };
    const rounds = Array.from({ length: WEIGHT_ROUNDS }, (_, round) => {
      if (round % 2 === 0) return { copySeconds: copied(), ...compiled() };
      const own = compiled();
      return { copySeconds: copied(), ...own };
    });
    const seconds = median(rounds.map((round) => round.seconds));
    const ratio = median(rounds.map((round) => round.seconds / round.copySeconds));
    const extraBytes = Math.max(...rounds.map((round) => round.extraBytes));
    return [
      {
        name: 'compile with 1.5 GB of weights, memory over idle',
        value: extraBytes / 1e6,
        unit: 'MB',
        limit: 250,
      },
      { name: 'compile with 1.5 GB of weights', value: seconds, unit: 's' },
      {
        name: 'compile with 1.5 GB of weights, against copy and sha256',
        value: ratio,
        unit: '×',
        limit: 1.3,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was written before is still on its way to the disk, and slows down whoever writes next. */
function settleDisk(): void {
  execFileSync('sync');
}

function compileInChild(
  model: string,
  out: string,
): { readonly seconds: number; readonly extraBytes: number } {
  const child = fileURLToPath(new URL('./compile-child.js', import.meta.url));
  const report = execFileSync(process.execPath, [child, model, out, String(PEERS)]);
  const { idleBytes, peakBytes, seconds } = JSON.parse(String(report));
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
  const written = files.reduce((sum, file) => sum + statSync(path.join(out, file)).size, 0);
  if (written < WEIGHT_BYTES) throw new Error(`only ${written} bytes were written`);
  rmSync(out, { recursive: true });
  return { seconds, extraBytes: peakBytes - idleBytes };
}

/** A model whose weights are one external file of 1.5 GB; gives the model's path. */
function writeLargeModel(folder: string): string {
  const dims = [LAYER_WIDTH, LAYER_WIDTH];
  const bytes = new Uint8Array(4 * LAYER_WIDTH * LAYER_WIDTH);
  // No two words alike, so that no file system stores holes.
  new Uint32Array(bytes.buffer).forEach((_, index, words) => {
    words[index] = Math.imul(index, 0x9e3779b1);
  });
  const layers = Math.ceil(WEIGHT_BYTES / bytes.length);
  const weight = (): Weight => weightOf({ dtype: 'float32', dims, bytes });
  const exported = exportModel(chainModel(4 * layers, LAYER_WIDTH, weight), {
    external: { file: 'weights.bin', minBytes: 1 },
  });
  const descriptor = openSync(path.join(folder, 'weights.bin'), 'w');
  for (const { offset } of exported.external) writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
  const model = path.join(folder, 'model.onnx');
  writeFileSync(model, Buffer.concat(exported.pieces.filter((piece) => piece instanceof Uint8Array)));
  return model;
}

function copyAndHash(from: string, to: string): number {
  const start = process.cpuUsage();
  const hash = createHash('sha256');
  const [input, output] = [openSync(from, 'r'), openSync(to, 'w')];
  // The fastest size, from 64 KiB to 1 MiB.
  const window = new Uint8Array(128 << 10);
  for (let read = readSync(input, window); read > 0; read = readSync(input, window)) {
    const bytes = window.subarray(0, read);
    hash.update(bytes);
    writeSync(output, bytes);
  }
  hash.digest();
  closeSync(input);
  closeSync(output);
  const seconds = processorSeconds(start);
  rmSync(to);
  return seconds;
}
