// Options that commands which run something share.

import type { Optimization } from '../../stdlib/backends/onnxruntime/index.ts';
import { UsageError } from '../context.ts';

export function optimizationOf(text: string): Optimization {
  if (text === 'disabled' || text === 'basic' || text === 'all') return text;
  throw new UsageError(`--opt is disabled, basic or all, not '${text}'`);
}

/** How many threads sessions run on; nothing where that is left to the backend. */
export const workersOf = (text: string | undefined): { readonly workers?: number } =>
  text === undefined ? {} : { workers: countOf('--workers', text, 0) };

/** A whole number from `least`. */
export function countOf(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`${option} is a whole number from ${least}, not '${text}'`);
}
