// LinearAttention: a state per head that is decayed, written and read at each step, in float64.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import type { Floats, NdArray } from '../value.ts';
import { joinHeads, splitHeads } from './attention.ts';

interface Step {
  /** [keys, values] of one head. */
  readonly state: Float64Array;
  readonly key: Floats;
  readonly value: Floats;
  /** Logarithm of what stays, one per key or one for all. */
  readonly decay: Floats | undefined;
  readonly beta: number | undefined;
}

function advance({ state, key, value, decay, beta }: Step): void {
  const [keys, values] = [key.length, value.length];
  if (decay !== undefined) {
    for (let d = 0; d < keys; d++) {
      const factor = Math.exp(decay[decay.length === 1 ? 0 : d]!);
      for (let m = 0; m < values; m++) state[d * values + m]! *= factor;
    }
  }
  for (let m = 0; m < values; m++) {
    let written = value[m]!;
    if (beta !== undefined) {
      // Only what the state does not know yet.
      let known = 0;
      for (let d = 0; d < keys; d++) known += state[d * values + m]! * key[d]!;
      written = beta * (written - known);
    }
    for (let d = 0; d < keys; d++) state[d * values + m]! += key[d]! * written;
  }
}

/** Row `step` of a head of [batch, heads, length, size]. */
function rowOf(x: NdArray, entry: number, head: number, step: number): Floats {
  const [, heads, length, size] = x.dims as [number, number, number, number];
  const at = ((entry * heads + head) * length + step) * size;
  return floatsOf(x).subarray(at, at + size) as Floats;
}

function linearAttention(op: OpContext, ...inputs: (NdArray | undefined)[]): readonly NdArray[] {
  const [query, key, value, past, decay, beta] = inputs as [
    q: NdArray,
    k: NdArray,
    v: NdArray,
    ...rest: (NdArray | undefined)[],
  ];
  const [queryHeads, heads] = [op.int('q_num_heads'), op.int('kv_num_heads')];
  if (queryHeads === undefined || heads === undefined || queryHeads % heads !== 0)
    throw new Invalid(`${queryHeads} heads of queries for ${heads} of keys`);
  const rule = op.string('update_rule', 'gated_delta');
  const [gated, corrected] = [rule.includes('gated'), rule.includes('delta')];
  if (gated !== (decay !== undefined) || corrected !== (beta !== undefined))
    throw new Invalid(`update rule ${rule} ${gated ? 'with' : 'without'} decay`);
  const [q, k, v] = [splitHeads(query, queryHeads), splitHeads(key, heads), splitHeads(value, heads)];
  const [d, b] = [decay && splitHeads(decay, heads), beta && splitHeads(beta, beta.dims[2]!)];
  const [batch, , length] = q.dims as [number, number, number];
  const [keys, values] = [k.dims[3]!, v.dims[3]!];
  const states =
    past === undefined ? new Float64Array(batch * heads * keys * values) : Float64Array.from(floatsOf(past));
  const out = new Float64Array(batch * queryHeads * length * values);
  const scale = op.float('scale', 0) || 1 / Math.sqrt(keys);
  const perHead = queryHeads / heads;
  for (let entry = 0; entry < batch; entry++) {
    for (let head = 0; head < heads; head++) {
      const first = (entry * heads + head) * keys * values;
      const state = states.subarray(first, first + keys * values);
      for (let step = 0; step < length; step++) {
        advance({
          state,
          key: rowOf(k, entry, head, step),
          value: rowOf(v, entry, head, step),
          decay: d && rowOf(d, entry, head, step),
          beta: b && rowOf(b, entry, b.dims[1] === 1 ? 0 : head, step)[0],
        });
        for (let reader = head * perHead; reader < (head + 1) * perHead; reader++) {
          const row = rowOf(q, entry, reader, step);
          const to = ((entry * queryHeads + reader) * length + step) * values;
          for (let n = 0; n < keys; n++)
            for (let m = 0; m < values; m++) out[to + m]! += scale * row[n]! * state[n * values + m]!;
        }
      }
    }
  }
  return [
    joinHeads(rounded(query.dtype, [batch, queryHeads, length, values], out)),
    rounded(past?.dtype ?? query.dtype, [batch, heads, keys, values], states),
  ];
}

export const linearAttentions = kernels('', { LinearAttention: linearAttention });
