// Whom a value names.

import { type DataValue, isTensor } from '../ir/data.ts';
import type { Members } from './members.ts';
import { idsIn } from './sets.ts';

/** The ids in a value, each once; those that are not of the class are left out. What is no list of strings names nobody. */
export function peersIn(value: DataValue, members: Members, name: string): readonly string[] {
  return isTensor(value) ? idsIn(value).filter((id) => members.has(name, id)) : [];
}
