// An exchange among neighbours has peer sets after the values that cross: to whom each member sends, and from whom it waits.

import { attributeInt, type Op, type ValueId } from '../ir/index.ts';

const setsOf = (op: Op): number => attributeInt(op, 'sets', 0);

/** The values of a gather that cross. */
export const crossedBy = (op: Op): readonly ValueId[] => op.inputs.slice(0, op.inputs.length - setsOf(op));

/** The sets of an exchange among neighbours; undefined: everybody sends to everybody. */
export function neighboursOf(op: Op): { readonly to: ValueId; readonly from: ValueId } | undefined {
  if (setsOf(op) === 0) return undefined;
  const [to, from] = op.inputs.slice(-2);
  return { to: to!, from: from! };
}
