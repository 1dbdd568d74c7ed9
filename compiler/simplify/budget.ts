// How many bytes folding may read, and by how many a model may grow.

import { DiagnosticError, readWeight, type Tensor, type Weight } from '../../ir/index.ts';

export interface Limits {
  /** Largest constant that folding makes or reads, bytes. */
  readonly maxConstantBytes: number;
  /** By how many bytes all folded constants together may exceed the ones they replace. */
  readonly maxGrowthBytes: number;
}

export const defaultLimits: Limits = { maxConstantBytes: 16 << 20, maxGrowthBytes: 1 << 20 };

export class Budget {
  readonly limits: Limits;
  #grown = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** Whether constants of `made` bytes may replace ones of `freed` bytes; if so, they count. */
  spend(made: number, freed: number): boolean {
    const growth = made - freed;
    if (made > this.limits.maxConstantBytes) return false;
    if (growth > 0 && this.#grown + growth > this.limits.maxGrowthBytes) return false;
    // What shrinks here pays for nothing elsewhere: the limit is on what a user may find added.
    this.#grown += Math.max(0, growth);
    return true;
  }
}

/** The elements of a weight; undefined if they cannot be read, which the check pass reports. */
export function readable(weight: Weight): Tensor | undefined {
  try {
    return readWeight(weight);
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}
