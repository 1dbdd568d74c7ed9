// Values that a caller keeps, copied for a node to own: into pooled memory, since fresh memory costs more.

import type { DataValue } from '../../ir/data.ts';
import { packed } from '../packed.ts';
import type { BufferPool } from './buffer-pool.ts';

export type DataValues = Readonly<Record<string, DataValue>>;

export function handOver(values: DataValues, pool: BufferPool): DataValues {
  const copy = (value: DataValue): DataValue => packed(value, (bytes) => pool.take(bytes));
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, copy(value)]));
}
