// Peer sets as values: string tensors of peer ids, ordered, without duplicates.

import { type DataValue, isTensor } from '../ir/data.ts';
import { unpackStrings } from '../ir/types.ts';
import type { Members } from './members.ts';

/** The ids in a value, each once; those that are not of the class are left out. What is no list of strings names nobody. */
export function peersIn(value: DataValue, members: Members, name: string): readonly string[] {
  if (!isTensor(value) || value.dtype !== 'string' || value.dims.length > 1) return [];
  const ids = new Set(unpackStrings(value.bytes, value.dims[0] ?? 1));
  return [...ids].filter((id) => members.has(name, id));
}
