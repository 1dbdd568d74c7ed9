// Values that a caller keeps, copied for a node to own: into pooled memory, since fresh memory costs more.

import type { Tensor } from '../../ir/types.ts';
import type { BufferPool } from './buffer-pool.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

export function handOver(values: Tensors, pool: BufferPool): Tensors {
  const copy = (tensor: Tensor): Tensor => {
    const bytes = new Uint8Array(pool.take(tensor.bytes.length), 0, tensor.bytes.length);
    bytes.set(tensor.bytes);
    return { ...tensor, bytes };
  };
  return Object.fromEntries(Object.entries(values).map(([name, tensor]) => [name, copy(tensor)]));
}
