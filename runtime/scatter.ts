// What each member gets of a scatter.

import { isTensor } from '../ir/data.ts';
import { unpackStrings } from '../ir/types.ts';
import { rowOf } from './stack.ts';
import { failed, isMissing, type Value } from './value.ts';

/**
 * Row i for the i-th of `members`, by default of all `destinations`; whoever is not among them has declined. A value
 * without a row for each is missing everywhere.
 */
export function rowsFor(
  value: Value,
  members: Value | undefined,
  destinations: readonly string[],
  peer: string,
): readonly Value[] {
  const everywhere = (one: Value): readonly Value[] => destinations.map(() => one);
  const wrong = (detail: string) => everywhere(failed(peer, detail));
  if (isMissing(value)) return everywhere(value);
  if (members !== undefined && isMissing(members)) return everywhere(members);
  if (!isTensor(value) || value.dims.length === 0) return wrong('what is scattered has no rows');
  if (
    members !== undefined &&
    !(isTensor(members) && members.dtype === 'string' && members.dims.length === 1)
  )
    return wrong('the members of a scatter are no list of peer ids');
  const ids = members === undefined ? destinations : unpackStrings(members.bytes, members.dims[0]!);
  if (value.dims[0] !== ids.length)
    return wrong(`${value.dims[0]} rows are scattered to ${ids.length} members`);
  const rows = new Map(ids.map((id, index) => [id, rowOf(value, index)!]));
  return destinations.map((id) => rows.get(id) ?? { reason: 'declined', peer });
}
