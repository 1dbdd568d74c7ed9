// Durations as authors write them.

import type { Recorder } from './recorder.ts';

/** A number and a unit: `'200ms'`, `'2s'`, `'1m'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h'}`;

const unitNs = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** In ns. Fails (BB314) unless it is a positive number and a unit. */
export function durationNs(owner: Recorder, written: string): bigint {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(written) ?? [];
  const ns = digits === undefined ? 0 : Math.round(Number(digits) * unitNs[unit as keyof typeof unitNs]);
  if (!Number.isSafeInteger(ns) || ns <= 0) owner.fail('BB314', { written });
  return BigInt(ns);
}
