// Attention, in float64 throughout; what is stored has the type of the inputs.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { broadcastStrides, product } from '../loops/shape.ts';
import { gatherStrided } from '../loops/strided.ts';
import { familyOf, type NdArray, ndarray } from '../value.ts';
import { concatenated, reshaped, transposed } from './movement.ts';

/** [batch, length, heads · size] as [batch, heads, length, size]. */
export function splitHeads(x: NdArray, heads: number | undefined): NdArray {
  if (x.dims.length === 4) return x;
  const [batch, length, width] = x.dims as [number, number, number];
  if (x.dims.length !== 3 || heads === undefined || width % heads !== 0)
    throw new Invalid(`[${x.dims.join(', ')}] in ${heads} heads`);
  return transposed(reshaped(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}
export function joinHeads(x: NdArray): NdArray {
  const [batch, heads, length, size] = x.dims as [number, number, number, number];
  return reshaped(transposed(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** Queries, keys and values by heads; several heads of queries may share one of keys. */
interface Heads {
  readonly q: NdArray;
  readonly k: NdArray;
  readonly v: NdArray;
}

function checked({ q, k, v }: Heads): Heads {
  const fits =
    [q, k, v].every((x) => x.dims.length === 4) &&
    q.dims[0] === k.dims[0] &&
    k.dims[0] === v.dims[0] &&
    q.dims[3] === k.dims[3] &&
    k.dims[2] === v.dims[2] &&
    k.dims[1] === v.dims[1] &&
    q.dims[1]! % k.dims[1]! === 0;
  if (!fits) throw new Invalid(`queries [${q.dims}], keys [${k.dims}], values [${v.dims}]`);
  return { q, k, v };
}

/** Scaled products of queries and keys: [batch, heads, queries, keys]. */
function scoresOf({ q, k }: Heads, scale: number): Float64Array {
  const [batch, heads, rows, size] = q.dims as [number, number, number, number];
  const [shared, columns] = [k.dims[1]!, k.dims[2]!];
  const [queries, keys] = [floatsOf(q), floatsOf(k)];
  const scores = new Float64Array(batch * heads * rows * columns);
  for (let map = 0, at = 0; map < batch * heads; map++) {
    const group = Math.floor(map / heads) * shared + Math.floor((map % heads) / (heads / shared));
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const [a, b] = [(map * rows + row) * size, (group * columns + column) * size];
        let sum = 0;
        for (let n = 0; n < size; n++) sum += queries[a + n]! * keys[b + n]!;
        scores[at] = sum * scale;
      }
    }
  }
  return scores;
}

/** Softmax of each row, in place. */
function softmaxRows(scores: Float64Array, columns: number): void {
  for (let at = 0; at < scores.length; at += columns) {
    const row = scores.subarray(at, at + columns);
    let top = Number.NEGATIVE_INFINITY;
    for (const score of row) if (score > top || Number.isNaN(score)) top = score;
    let sum = 0;
    for (let n = 0; n < columns; n++) {
      row[n] = Math.exp(row[n]! - top);
      sum += row[n]!;
    }
    for (let n = 0; n < columns; n++) row[n] = row[n]! / sum;
  }
}

/** Values weighted by probabilities. */
function weighted({ q, v }: Heads, probabilities: ArrayLike<number>): NdArray {
  const [batch, heads, rows] = q.dims as [number, number, number, number];
  const [shared, columns, size] = v.dims.slice(1) as [number, number, number];
  const values = floatsOf(v);
  const out = new Float64Array(batch * heads * rows * size);
  for (let map = 0; map < batch * heads; map++) {
    const group = Math.floor(map / heads) * shared + Math.floor((map % heads) / (heads / shared));
    for (let row = 0; row < rows; row++) {
      const to = (map * rows + row) * size;
      for (let column = 0; column < columns; column++) {
        const factor = probabilities[(map * rows + row) * columns + column]!;
        const from = (group * columns + column) * size;
        for (let n = 0; n < size; n++) out[to + n]! += factor * values[from + n]!;
      }
    }
  }
  return rounded(v.dtype, [batch, heads, rows, size], out);
}

/** What is added to the scores: 0 or -∞ where a mask holds truths. */
function biasOf(mask: NdArray, dims: readonly number[]): ArrayLike<number> {
  const family = familyOf(mask.dtype);
  if (family !== 'float' && family !== 'bool') throw new Unsupported(mask.dtype);
  const data = mask.data as ArrayLike<number>;
  const added =
    family === 'float'
      ? Float64Array.from(data)
      : Float64Array.from(data, (one) => (one === 0 ? Number.NEGATIVE_INFINITY : 0));
  const [own, all] = [mask.dims.at(-1) ?? 1, dims[3]!];
  let whole = ndarray('float64', mask.dims, added);
  if (own < all && own !== 1) {
    // A mask may end early; keys after it are not looked at.
    const rest = [...mask.dims.slice(0, -1), all - own];
    const hidden = new Float64Array(product(rest)).fill(Number.NEGATIVE_INFINITY);
    whole = concatenated([whole, ndarray('float64', rest, hidden)], mask.dims.length - 1);
  }
  return gatherStrided(whole, dims, broadcastStrides(whole.dims, dims)).data as Float64Array;
}

/** Hides keys after each query (counted from `past`), and keys beyond each batch entry's own length. */
function hide(
  scores: Float64Array,
  dims: readonly number[],
  causal: boolean,
  past: number,
  lengths: NdArray | undefined,
): void {
  const [, heads, rows, columns] = dims as [number, number, number, number];
  for (let at = 0; at < scores.length; at++) {
    const column = at % columns;
    const row = Math.floor(at / columns) % rows;
    const length = lengths?.data[Math.floor(at / (columns * rows * heads))];
    if ((causal && column - past > row) || (length !== undefined && column >= Number(length)))
      scores[at] = Number.NEGATIVE_INFINITY;
  }
}

type Inputs = [q: NdArray, k: NdArray, v: NdArray, ...rest: (NdArray | undefined)[]];

function attention(op: OpContext, ...inputs: (NdArray | undefined)[]): readonly NdArray[] {
  const [query, key, value, mask, pastKey, pastValue, lengths] = inputs as Inputs;
  const grown = (past: NdArray | undefined, x: NdArray): NdArray =>
    past === undefined ? x : concatenated([past, x], 2);
  const heads = checked({
    q: splitHeads(query, op.int('q_num_heads')),
    k: grown(pastKey, splitHeads(key, op.int('kv_num_heads'))),
    v: grown(pastValue, splitHeads(value, op.int('kv_num_heads'))),
  });
  const { q, k, v } = heads;
  const dims = [q.dims[0]!, q.dims[1]!, q.dims[2]!, k.dims[2]!];
  const mode = op.int('qk_matmul_output_mode', 0);
  const scores = scoresOf(heads, op.float('scale') ?? 1 / Math.sqrt(q.dims[3]!));
  const cap = op.float('softcap', 0);
  // Before the mask, so that what is hidden stays so.
  if (cap > 0) for (let at = 0; at < scores.length; at++) scores[at] = Math.tanh(scores[at]! / cap) * cap;
  let shown = mode < 2 ? scores.slice() : scores;
  if (mask !== undefined) {
    const bias = biasOf(mask, dims);
    for (let at = 0; at < scores.length; at++) scores[at]! += bias[at]!;
  }
  hide(scores, dims, op.int('is_causal', 0) === 1, pastKey?.dims[2] ?? 0, lengths);
  if (mode === 2) shown = scores.slice();
  softmaxRows(scores, dims[3]!);
  const y = weighted(heads, scores);
  return [query.dims.length === 3 ? joinHeads(y) : y, k, v, rounded(q.dtype, dims, shown)];
}

/** As Attention without masks; subgraphs may change scores and probabilities. */
function flexAttention(op: OpContext, q: NdArray, k: NdArray, v: NdArray): NdArray {
  const heads = checked({ q, k, v });
  const dims = [q.dims[0]!, q.dims[1]!, q.dims[2]!, k.dims[2]!];
  const precision = op.dtype('softmax_precision') ?? (q.dtype === 'float64' ? 'float64' : 'float32');
  const changed = (attribute: string, x: Float64Array): Float64Array => {
    if (!op.has(attribute)) return x;
    const [result] = op.body(attribute, [rounded(precision, dims, x)]);
    if (result?.kind !== 'tensor') throw new Unsupported(result?.kind ?? 'nothing');
    return Float64Array.from(floatsOf(result));
  };
  const scores = changed('score_mod', scoresOf(heads, op.float('scale') ?? 1 / Math.sqrt(q.dims[3]!)));
  softmaxRows(scores, dims[3]!);
  return weighted(heads, changed('prob_mod', scores));
}

/** Which axis of [batch, heads, length, size] is turned, by the angles of a position. */
function rotaryEmbedding(
  op: OpContext,
  x: NdArray,
  cosines: NdArray,
  sines: NdArray,
  positions?: NdArray,
): NdArray {
  const byHeads = splitHeads(x, op.int('num_heads'));
  const data = floatsOf(byHeads);
  const [, heads, length, size] = byHeads.dims as [number, number, number, number];
  const half = (op.int('rotary_embedding_dim', 0) || size) / 2;
  const interleaved = op.int('interleaved', 0) === 1;
  if (cosines.dims.at(-1) !== half || sines.dims.at(-1) !== half)
    throw new Invalid(`${cosines.dims.at(-1)} angles for ${half} pairs`);
  const out = Float64Array.from(data);
  for (let row = 0; row * size < out.length; row++) {
    const place = Math.floor(row / (heads * length)) * length + (row % length);
    const angles = (positions === undefined ? place : Number(positions.data[place])) * half;
    for (let n = 0; n < half; n++) {
      const a = row * size + (interleaved ? 2 * n : n);
      const b = interleaved ? a + 1 : a + half;
      const [cos, sin] = [cosines.data[angles + n] as number, sines.data[angles + n] as number];
      if (cos === undefined) throw new Invalid(`no angles for position ${angles / half}`);
      out[a] = cos * data[a]! - sin * data[b]!;
      out[b] = sin * data[a]! + cos * data[b]!;
    }
  }
  const turned = rounded(x.dtype, byHeads.dims, out);
  return x.dims.length === 3 ? joinHeads(turned) : turned;
}

export const attentions = kernels('', {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
});
export const previewAttentions = kernels('ai.onnx.preview', { FlexAttention: flexAttention });
