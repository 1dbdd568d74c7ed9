// Recurrent networks and attention.

import type { Dim, Shape } from '../../../ir/types.ts';
import { addDims, Contradiction, divideDim, formatDims, multiplyDims, unifyDim } from '../dims.ts';
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
  for (const dims of [q, k, v])
    if (dims !== undefined && dims.length !== 3 && dims.length !== 4)
      throw new Contradiction(`${formatDims(dims)} must have 3 or 4 dimensions`);
  if (q?.length === 3 && !(op.int('q_num_heads') && op.int('kv_num_heads')))
    throw new Contradiction('with 3 dimensions, q_num_heads and kv_num_heads say how many heads there are');
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

/** Which of decay and beta each rule of updating takes. */
const updateRules: Readonly<Record<string, readonly [decay: boolean, beta: boolean]>> = {
  linear: [false, false],
  gated: [true, false],
  delta: [false, true],
  gated_delta: [true, true],
};

function checkUpdateRule(op: OpView): void {
  const rule = op.string('update_rule') ?? 'gated_delta';
  const takes = Object.hasOwn(updateRules, rule) ? updateRules[rule]! : undefined;
  if (takes === undefined)
    throw new Contradiction(`update_rule ${rule} is none of ${Object.keys(updateRules).join(', ')}`);
  ['decay', 'beta'].forEach((name, at) => {
    if (op.has(4 + at) !== takes[at])
      throw new Contradiction(`update_rule ${rule} ${takes[at] ? 'needs' : 'takes no'} ${name}`);
  });
}

/** Q, K, V [batch, length, heads·size], state [batch, heads, key size, value size]. */
function linearAttention(op: OpView): readonly Shape[] {
  const [heads, kvHeads] = [op.int('q_num_heads', 0), op.int('kv_num_heads', 0)];
  if (heads < 1 || kvHeads < 1 || heads % kvHeads !== 0)
    throw new Contradiction(`${heads} query heads cannot share ${kvHeads} heads of keys and values`);
  checkUpdateRule(op);
  const along = (axis: number): Dim => [0, 1, 2, 4, 5].map((index) => op.dim(index, axis)).reduce(unifyDim);
  const size = (index: number, count: number): Dim => divideDim(op.dim(index, 2), count);
  unifyDim(kvHeads, op.dim(3, 1));
  const batch = unifyDim(along(0), op.dim(3, 0));
  const keySize = [size(1, kvHeads), op.dim(3, 2)].reduce(unifyDim, size(0, heads));
  const valueSize = unifyDim(size(2, kvHeads), op.dim(3, 3));
  checkLast(op, 4, [kvHeads, multiplyDims(kvHeads, keySize)]);
  checkLast(op, 5, [1, kvHeads]);
  return [
    [batch, along(1), multiplyDims(heads, valueSize)],
    [batch, kvHeads, keySize, valueSize],
  ];
}

function checkLast(op: OpView, index: number, sizes: readonly Dim[]): void {
  const last = op.dim(index, 2);
  if (typeof last === 'number' && sizes.every((size) => typeof size === 'number' && size !== last))
    throw new Contradiction(`the last dimension ${last} of input ${index} is not ${sizes.join(' or ')}`);
}

/** Q [batch, heads, length, size], K and V with heads of their own that several query heads may share. */
function flexAttention(op: OpView): Shape {
  const [heads, kvHeads] = [op.dim(0, 1), unifyDim(op.dim(1, 1), op.dim(2, 1))];
  unifyDim(op.dim(1, 2), op.dim(2, 2));
  unifyDim(op.dim(0, 3), op.dim(1, 3));
  if (typeof heads === 'number' && typeof kvHeads === 'number' && (kvHeads < 1 || heads % kvHeads !== 0))
    throw new Contradiction(`${heads} query heads cannot share ${kvHeads} heads of keys and values`);
  const batch = [op.dim(1, 0), op.dim(2, 0)].reduce(unifyDim, op.dim(0, 0));
  return [batch, heads, op.dim(0, 2), op.dim(2, 3)];
}

/** X [batch, channels, length], a kernel for each channel; the state is what the next window still sees. */
function causalConv(op: OpView): readonly Shape[] {
  const activation = op.string('activation') ?? 'none';
  if (!['none', 'silu', 'swish'].includes(activation))
    throw new Contradiction(`activation ${activation} is none of none, silu, swish`);
  const batch = unifyDim(op.dim(0, 0), op.dim(3, 0));
  const channels = [op.dim(1, 0), op.dim(2, 0), op.dim(3, 1)].reduce(unifyDim, op.dim(0, 1));
  unifyDim(1, op.dim(1, 1));
  const kernel = op.dim(1, 2);
  if (kernel === 0) throw new Contradiction('the kernel has no element');
  const kept = unifyDim(addDims(kernel, -1), op.dim(3, 2));
  return [op.dims(0) && [batch, channels, op.dim(0, 2)], [batch, channels, kept]];
}

export const sequenceModelShapes: Record<string, ShapeRule> = {
  ...each('RNN GRU LSTM', recurrent),
  Attention: attention,
  LinearAttention: linearAttention,
  FlexAttention: (op) => [flexAttention(op)],
  CausalConvWithState: causalConv,
};
