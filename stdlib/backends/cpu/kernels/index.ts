// All families of kernels.

import type { KernelFamily } from '../kernel.ts';
import { pairwise } from './arithmetic.ts';
import { creation } from './creation.ts';
import { movement } from './movement.ts';

export { creation, movement, pairwise };

/** Every operator that there is a kernel for. */
export const allFamilies: readonly KernelFamily[] = [creation, movement, pairwise];
