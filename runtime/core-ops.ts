// The ops that read missing values.

import { packStrings, type Tensor } from '../ir/types.ts';
import type { Flow } from './flow.ts';
import type { CoreOp, Instruction } from './instruction.ts';
import { type Held, isHeld, type Slot } from './lease.ts';

const scalar = (dtype: 'bool' | 'string', bytes: Uint8Array): Held => ({
  tensor: { dtype, dims: [], bytes },
  lease: undefined,
});
export const boolScalar = (value: boolean): Held => scalar('bool', Uint8Array.of(value ? 1 : 0));

const isBoolScalar = ({ dtype, bytes }: Tensor): boolean => dtype === 'bool' && bytes.length === 1;

/** A condition that is false, or a first choice that is there, need not wait for the other input. */
export function decidedEarly(flow: Flow, one: Instruction): boolean {
  // In a fragment that claims state everything waits for the claim.
  if (one.fragment !== undefined) return false;
  if (one.kind === 'when') {
    const condition = flow.values[one.inputs[1]!];
    if (condition === undefined || !isHeld(condition)) return false;
    return isBoolScalar(condition.tensor) && condition.tensor.bytes[0] === 0;
  }
  if (one.kind !== 'orElse') return false;
  const first = flow.values[one.inputs[0]!];
  return first !== undefined && isHeld(first);
}

/** The inputs are there, but for the one that an early decision does not need. */
export function coreResult(
  one: CoreOp,
  first: Slot | undefined,
  second: Slot | undefined,
  peer: string,
): Slot {
  switch (one.kind) {
    case 'when': {
      const condition = second!;
      if (!isHeld(condition)) return condition;
      if (!isBoolScalar(condition.tensor))
        return { reason: 'failed', peer, detail: `the condition of ${one.name} is no bool scalar` };
      return condition.tensor.bytes[0] === 0 ? { reason: 'declined', peer } : first!;
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
