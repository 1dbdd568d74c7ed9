// Peer sets as values: string tensors of peer ids, ordered, without duplicates.

import { type DataValue, isTensor } from '../ir/data.ts';
import { unpackStrings } from '../ir/types.ts';

/** The ids in a value, as far as they are among `known`, each once. What is no list of strings names nobody. */
export function peersIn(value: DataValue, known: readonly string[] = []): readonly string[] {
  if (!isTensor(value) || value.dtype !== 'string' || value.dims.length > 1) return [];
  const ids = new Set(unpackStrings(value.bytes, value.dims[0] ?? 1));
  const members = new Set(known);
  return [...ids].filter((id) => members.has(id));
}
