// What a caller gives, held against what the program takes.

import type { Manifest, Port } from '../ir/deployment.ts';
import { ownIn } from '../ir/own.ts';
import type { SeatProgram } from './instruction.ts';
import type { DropReason, Values } from './io.ts';
import type { Slot } from './lease.ts';
import type { Limits } from './limits.ts';
import { type Declared, describeData, fits } from './manifest.ts';
import { sizeOf } from './packed.ts';
import { failed, isMissing, type Value, valueProblem } from './value.ts';

type Misfit = readonly [reason: DropReason, what: string];

/** Why a value cannot stand where it is declared so; one that is missing can. */
function misfitOf(declared: Declared, value: Value, limits: Limits): Misfit | undefined {
  const problem = valueProblem(value, limits);
  if (problem !== undefined) return ['malformed', problem];
  if (isMissing(value) || fits(declared, value)) return undefined;
  return ['type', `${describeData(value)} does not fit`];
}

/** Why a value cannot be a graph input. */
export function inputMisfit(port: Port, value: Value, limits: Limits): Misfit | undefined {
  const misfit = misfitOf(port, value, limits);
  if (misfit !== undefined || isMissing(value)) return misfit;
  const bytes = sizeOf(value);
  return bytes > limits.invokeBytes ? ['limit', `${bytes} bytes`] : undefined;
}

/** Why it cannot be a state variable that was saved. */
export function stateMisfit(
  { state }: Manifest,
  key: string,
  value: Value,
  limits: Limits,
): Misfit | undefined {
  const variable = state.find((one) => one.key === key);
  if (variable === undefined) return ['type', 'there is no such variable'];
  return isMissing(value) ? ['malformed', 'it is missing'] : misfitOf(variable, value, limits);
}

/** An argument of which the manifest says nothing. */
const ANY: Declared = { dtype: null, shape: null };

/** Of an entry, in its order; undefined: not given, so that it has the author's value. `own` copies. */
export function argumentsFor(
  { invoke, manifest }: SeatProgram,
  values: Values,
  around: { readonly peer: string; readonly limits: Limits; readonly own: (value: Value) => Slot },
): readonly (Slot | undefined)[] {
  const declared = manifest.entries.find(({ name }) => name === invoke?.entry)?.arguments ?? [];
  return (invoke?.arguments ?? []).map((name) => {
    const value = ownIn(values, name);
    if (value === undefined) return undefined;
    const port = declared.find((one) => one.name === name) ?? ANY;
    const misfit = misfitOf(port, value, around.limits);
    return misfit === undefined ? around.own(value) : failed(around.peer, `argument ${name}: ${misfit[1]}`);
  });
}
