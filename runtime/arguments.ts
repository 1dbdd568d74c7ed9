// What a caller gives, held against what the program takes.

import type { Port } from '../ir/deployment.ts';
import type { SeatProgram } from './instruction.ts';
import type { DropReason, Values } from './io.ts';
import type { Slot } from './lease.ts';
import type { Limits } from './limits.ts';
import { describeData, fits } from './manifest.ts';
import { sizeOf } from './packed.ts';
import { failed, isMissing, type Value, valueProblem } from './value.ts';

/** Why a value cannot be a graph input. */
export function inputMisfit(
  port: Port,
  value: Value,
  limits: Limits,
): readonly [DropReason, string] | undefined {
  const problem = valueProblem(value, limits);
  if (problem !== undefined) return ['malformed', problem];
  if (isMissing(value)) return undefined;
  const bytes = sizeOf(value);
  if (bytes > limits.invokeBytes) return ['limit', `${bytes} bytes`];
  return fits(port, value) ? undefined : ['type', `${describeData(value)} does not fit`];
}

/** Of an entry, in its order; undefined: not given, so that it has the author's value. `own` copies. */
export function argumentsFor(
  { invoke, manifest }: SeatProgram,
  values: Values,
  around: { readonly peer: string; readonly limits: Limits; readonly own: (value: Value) => Slot },
): readonly (Slot | undefined)[] {
  const declared = manifest.entries.find(({ name }) => name === invoke?.entry)?.arguments ?? [];
  return (invoke?.arguments ?? []).map((name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) return undefined;
    const port = declared.find((one) => one.name === name);
    const misfit = (): string | undefined =>
      port === undefined || isMissing(value) || fits(port, value)
        ? undefined
        : `${describeData(value)} does not fit`;
    const problem = valueProblem(value, around.limits) ?? misfit();
    if (problem === undefined) return around.own(value);
    return failed(around.peer, `argument ${name}: ${problem}`);
  });
}
