// What a caller gives the entry, held against what the entry takes.

import type { SeatProgram } from './instruction.ts';
import type { Values } from './io.ts';
import type { Slot } from './lease.ts';
import type { Limits } from './limits.ts';
import { describeData, fits } from './manifest.ts';
import { isMissing, type Value, valueProblem } from './value.ts';

/** In the order of the entry; undefined: not given, so that it has the author's value. `own` copies. */
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
    return { reason: 'failed', peer: around.peer, detail: `argument ${name}: ${problem}` };
  });
}
