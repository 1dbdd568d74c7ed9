// A whole model on the CPU backend.

import { readFileSync } from 'node:fs';
import type { CpuBackend, LoadedCpuModel } from '../../stdlib/backends/cpu/index.ts';
import { externalBeside } from './external.ts';

/** Throws DiagnosticError for what is wrong with the model or its external data. */
export const loadOnCpu = (backend: CpuBackend, file: string): LoadedCpuModel =>
  backend.loadModel(readFileSync(file), externalBeside(file));
