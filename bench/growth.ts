// What importing, checking and inferring cost per op as graphs grow.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { checkModel, inferModel } from '../compiler/index.ts';
import { DiagnosticError, importModel, type Model, memorySource } from '../ir/index.ts';
import type { Figure } from './figure.ts';
import { processorSeconds } from './processor.ts';
import { chainModel, modelBytes } from './synthetic.ts';

const GROWTH_ROUNDS = 4;
/** Of a thousand ops each. */
const REHEARSALS = 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function imported(bytes: Uint8Array): Model {
  const { model, diagnostics } = importModel(memorySource('model.onnx', bytes));
  if (model === undefined) throw new DiagnosticError(diagnostics);
  return model;
}

/** Ops of each round: one chain of 100k, or as many shorter ones, all kept, so that memory costs each size the same. */
const OPS = 100_000;

/** µs of the processor per op of a chain, and how much dearer an op of a longer one is. */
export function benchGrowth(): readonly Figure[] {
  const works = {
    import: (bytes: Uint8Array) => imported(bytes),
    check: (_: Uint8Array, model: Model) => checkModel(model),
    infer: (_: Uint8Array, model: Model) => inferModel(model),
  };
  const sizes = [1_000, 10_000, OPS];
  const chains = sizes.map((count) => modelBytes(chainModel(count)));
  return Object.entries(works).flatMap(([name, work]) => {
    const best = sizes.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < GROWTH_ROUNDS; round++) {
      for (const [at, bytes] of chains.entries()) {
        const times = OPS / sizes[at]!;
        // New models: a verdict is remembered with its model.
        const given = Array.from({ length: times }, () => imported(bytes));
        const kept: unknown[] = [];
        // What making these left behind is not what the work costs; a collection drops compiled code, too.
        collectGarbage();
        for (let turn = 0; turn < REHEARSALS; turn++) work(chains[0]!, imported(chains[0]!));
        const start = process.cpuUsage();
        for (const model of given) kept.push(work(bytes, model));
        best[at] = Math.min(best[at]!, processorSeconds(start));
      }
    }
    const [small, medium, large] = best.map((seconds) => (seconds * 1e6) / OPS);
    return [
      { name: `${name}, 1k ops`, value: small!, unit: 'µs/op' },
      { name: `${name}, 10k ops`, value: medium!, unit: 'µs/op' },
      { name: `${name}, 100k ops`, value: large!, unit: 'µs/op' },
      { name: `${name}, growth per op from 1k to 10k`, value: medium! / small!, unit: '×', limit: 1.5 },
      { name: `${name}, growth per op from 10k to 100k`, value: large! / medium!, unit: '×', limit: 1.5 },
    ];
  });
}
