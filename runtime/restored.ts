// Whether a value may stand for a state variable that was saved.

import type { Manifest } from '../ir/deployment.ts';
import type { DropReason } from './io.ts';
import { describeData, fits } from './manifest.ts';
import { isMissing, type Value, type ValueLimits, valueProblem } from './value.ts';

/** Why it may not. */
export function stateMisfit(
  { state }: Manifest,
  key: string,
  value: Value,
  limits: ValueLimits,
): readonly [DropReason, string] | undefined {
  if (isMissing(value) || valueProblem(value, limits) !== undefined) return ['malformed', `state ${key}`];
  const variable = state.find((one) => one.key === key);
  if (variable !== undefined && fits(variable, value)) return undefined;
  return ['type', `state ${key}: ${describeData(value)} does not fit`];
}
