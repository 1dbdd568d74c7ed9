// The list of benchmarks.

import { benchRun } from './backend.ts';
import { benchCompile, benchWeights } from './compile.ts';
import { benchCpu } from './cpu.ts';
import { benchDurable } from './durable.ts';
import type { Figure } from './figure.ts';
import { benchGrowth } from './growth.ts';
import { benchInfer } from './infer.ts';
import { benchRuntime } from './runtime.ts';
import { benchSim } from './sim.ts';
import { benchTrain } from './train.ts';

/** In this order: what fills the disk last. */
export const benches: Readonly<Record<string, () => readonly Figure[] | Promise<readonly Figure[]>>> = {
  runtime: benchRuntime,
  run: benchRun,
  sim: benchSim,
  durable: benchDurable,
  cpu: benchCpu,
  infer: benchInfer,
  growth: benchGrowth,
  train: benchTrain,
  compile: benchCompile,
  weights: benchWeights,
};
