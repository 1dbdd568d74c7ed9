// The ops that read missing values.

import { type DataValue, isTensor } from '../ir/data.ts';
import { packStrings } from '../ir/types.ts';
import type { Flow } from './flow.ts';
import type { Computed, CoreOp, Instruction, Invoke } from './instruction.ts';
import { type Held, isHeld, type Slot } from './lease.ts';
import { failed } from './value.ts';

const scalar = (dtype: 'bool' | 'string', bytes: Uint8Array): Held => ({
  data: { dtype, dims: [], bytes },
  lease: undefined,
});
export const boolScalar = (value: boolean): Held => scalar('bool', Uint8Array.of(value ? 1 : 0));

/** What a condition says; undefined if it is no bool scalar. */
export const truthOf = (data: DataValue): boolean | undefined =>
  isTensor(data) && data.dtype === 'bool' && data.bytes.length === 1 ? data.bytes[0] !== 0 : undefined;

/** A condition that is false, or a first choice that is there, need not wait for the other input. */
export function decidedEarly(flow: Flow, one: Instruction): boolean {
  // In a fragment that claims state everything waits for the claim.
  if (one.fragment !== undefined) return false;
  if (one.kind === 'when') {
    const condition = flow.values[one.inputs[1]!];
    if (condition === undefined || !isHeld(condition)) return false;
    return truthOf(condition.data) === false;
  }
  if (one.kind !== 'orElse') return false;
  const first = flow.values[one.inputs[0]!];
  return first !== undefined && isHeld(first);
}

/** What the entry is given, what its author wrote where nothing is; an event's values come with it alone. */
export const argumentsIn = (flow: Flow, one: Invoke, peer: string): readonly Slot[] =>
  one.arguments.map(
    (name, at) =>
      flow.given?.[at] ?? flow.values[one.inputs[at] ?? -1] ?? failed(peer, `nothing gave ${name}`),
  );

/** The inputs are there, but for the one that an early decision does not need. */
export function coreResult(one: CoreOp, flow: Flow, peer: string): Slot {
  const [first, second] = one.inputs.map((slot) => flow.values[slot]);
  switch (one.kind) {
    case 'computed':
      return computed(one, flow, peer);
    case 'when': {
      const condition = second!;
      if (!isHeld(condition)) return condition;
      const truth = truthOf(condition.data);
      if (truth === undefined) return failed(peer, `the condition of ${one.name} is no bool scalar`);
      return truth ? first! : { reason: 'declined', peer };
    }
    case 'orElse':
      // Of two that are missing, one that was only declined says less about why.
      return isHeld(first!) || (!isHeld(second!) && second!.reason === 'declined') ? first! : second!;
    case 'present':
      return boolScalar(isHeld(first!));
    case 'reason':
      return scalar('string', packStrings([isHeld(first!) ? '' : first!.reason]));
  }
}

/** What an op gives that the node computes itself: missing where an input is. */
function computed(
  { kernel, class: viewed, name, inputs }: Computed,
  { values, seat, id }: Flow,
  peer: string,
): Slot {
  const tensors = [];
  for (const slot of inputs) {
    const input = values[slot]!;
    if (!isHeld(input)) return input;
    if (!isTensor(input.data)) return failed(peer, `${name} takes tensors only`);
    tensors.push(input.data);
  }
  const members = viewed === undefined ? [] : seat.members.of(viewed);
  return { data: kernel.run(tensors, { peer, members, id }), lease: undefined };
}
