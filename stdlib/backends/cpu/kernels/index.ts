// All families of kernels in one list.

import type { KernelFamily } from '../kernel.ts';
import * as families from './families.ts';

export * from './families.ts';

/** Every operator that there is a kernel for. */
export const allFamilies: readonly KernelFamily[] = /* @__PURE__ */ Object.values(families);
