// Recurrent networks and attention.

import type { Dim, Shape } from '../../../ir/types.ts';
import { addDims, Contradiction, divideDim, formatDims, multiplyDims } from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

function recurrent(op: OpView): readonly Shape[] {
  if (op.dims(0) !== undefined && op.rank(0) !== 3) {
    throw new Contradiction(`the input ${formatDims(op.dims(0))} must be [length, batch, size]`);
  }
  const directions = op.string('direction') === 'bidirectional' ? 2 : 1;
  const hidden: Dim = op.int('hidden_size') ?? op.dim(2, -1);
  const batchFirst = op.int('layout', 0) !== 0;
  const [length, batch] = batchFirst ? [op.dim(0, 1), op.dim(0, 0)] : [op.dim(0, 0), op.dim(0, 1)];
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all = batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
  return [all, state, state];
}

/** Q [batch, heads, length, size] or [batch, length, heads·size]; the key/value cache grows by its past. */
function attention(op: OpView): readonly Shape[] {
  const [q, k, v] = [op.dims(0), op.dims(1), op.dims(2)];
  if (q === undefined || k === undefined || v === undefined) return [];
  const packed = q.length === 3;
  const [heads, kvHeads] = packed
    ? [op.int('q_num_heads') ?? null, op.int('kv_num_heads') ?? null]
    : [q[1]!, k[1]!];
  const perHead = (dim: Dim, count: Dim): Dim => (typeof count === 'number' ? divideDim(dim, count) : null);
  const size = packed ? perHead(k[2]!, kvHeads) : k[3]!;
  const valueSize = packed ? perHead(v[2]!, kvHeads) : v[3]!;
  const length = packed ? q[1]! : q[2]!;
  const past = op.has(4) ? op.dim(4, 2) : 0;
  const total = addDims(past, packed ? k[1]! : k[2]!);
  return [
    packed ? [q[0]!, length, multiplyDims(heads, valueSize)] : [q[0]!, heads, length, valueSize],
    [q[0]!, kvHeads, total, size],
    [q[0]!, kvHeads, total, valueSize],
    [q[0]!, heads, length, total],
  ];
}

function linearAttention(op: OpView): readonly Shape[] {
  const [q, k, v] = [op.dims(0), op.dims(1), op.dims(2)];
  const [heads, kvHeads] = [op.int('q_num_heads'), op.int('kv_num_heads')];
  if (q?.length !== 3 || k?.length !== 3 || v?.length !== 3 || !heads || !kvHeads) return [];
  const valueSize = divideDim(v[2]!, kvHeads);
  return [
    [q[0]!, q[1]!, multiplyDims(heads, valueSize)],
    [q[0]!, kvHeads, divideDim(k[2]!, kvHeads), valueSize],
  ];
}

export const sequenceModelShapes: Record<string, ShapeRule> = {
  ...each('RNN GRU LSTM', recurrent),
  Attention: attention,
  LinearAttention: linearAttention,
  FlexAttention: (op) => {
    const [q, v] = [op.dims(0), op.dims(2)];
    return [q?.length === 4 ? [...q.slice(0, 3), v?.[3] ?? null] : undefined];
  },
};
