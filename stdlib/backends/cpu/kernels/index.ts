// All families of kernels.

import type { KernelFamily } from '../kernel.ts';
import { pairwise } from './arithmetic.ts';
import { casting } from './cast.ts';
import { control } from './control.ts';
import { convolutions } from './conv.ts';
import { creation } from './creation.ts';
import { gathering } from './gather.ts';
import { matrices } from './matmul.ts';
import { movement } from './movement.ts';
import { normalization } from './norm.ts';
import { pooling } from './pool.ts';
import { reductions } from './reduce.ts';
import { elementwise } from './unary.ts';

export {
  casting,
  control,
  convolutions,
  creation,
  elementwise,
  gathering,
  matrices,
  movement,
  normalization,
  pairwise,
  pooling,
  reductions,
};

/** Every operator that there is a kernel for. */
export const allFamilies: readonly KernelFamily[] = [
  casting,
  control,
  convolutions,
  creation,
  elementwise,
  gathering,
  matrices,
  movement,
  normalization,
  pairwise,
  pooling,
  reductions,
];
