// The CPU in plain TypeScript: `cpuBackend()` runs segments and whole models anywhere JavaScript does.

import { type CpuBackend, cpuBackendOf } from './backend.ts';
import { allFamilies } from './kernels/index.ts';

export { type CpuBackend, cpuBackendOf, type LoadedCpuModel } from './backend.ts';
export { cpuEvaluator } from './evaluator.ts';
export type { Kernel, KernelFamily, OpContext } from './kernel.ts';
export * from './kernels/index.ts';

/** With every operator; `cpuBackendOf` takes only some families. */
export const cpuBackend = (): CpuBackend => cpuBackendOf(allFamilies);
