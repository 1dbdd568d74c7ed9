// Attention and STFT in other operators (ONNX operators of these names, opsets 23 and 17).

import { attributeFloat, attributeInt, NO_VALUE, type Op, type ValueId } from '../../ir/index.ts';
import { type Builder, int } from './builder.ts';

const attribute = (op: Op, name: string): number | undefined =>
  op.attributes.some((one) => one.name === name) ? attributeInt(op, name, 0) : undefined;

/** Y, the present keys and values, and the scores that are asked for. Queries [batch, heads, length, size], keys like them. */
export function expandAttention(b: Builder, op: Op): readonly ValueId[] {
  const [query, key, value, mask, pastKey, pastValue, lengths] = Array.from(
    { length: 7 },
    (_, at) => op.inputs[at] ?? NO_VALUE,
  ) as ValueId[];
  const flat = b.rank(query!) === 3;
  const byHeads = (one: ValueId, heads: number | undefined): ValueId => {
    if (b.rank(one) === 4) return one;
    const apart = b.op('Reshape', [
      one,
      b.list([0, 0, heads ?? b.refuse('its number of heads is not given'), -1]),
    ]);
    return b.transpose(apart, [0, 2, 1, 3]);
  };
  const [queryHeads, keyHeads] = [attribute(op, 'q_num_heads'), attribute(op, 'kv_num_heads')];
  const q = byHeads(query!, queryHeads);
  const grown = (past: ValueId, one: ValueId): ValueId =>
    past === NO_VALUE ? one : b.op('Concat', [past, one], int('axis', 2));
  const k = grown(pastKey!, byHeads(key!, keyHeads));
  const v = grown(pastValue!, byHeads(value!, keyHeads));
  const [asked, shared] = (
    [
      [query!, queryHeads],
      [key!, keyHeads],
    ] as const
  ).map(([one, given]) => (b.rank(one) === 4 ? b.dims(one)[1] : given));
  const headsOf = (one: ValueId): ValueId => b.op('Shape', [one], int('start', 1), int('end', 2));
  const groups =
    typeof asked === 'number' && typeof shared === 'number'
      ? b.list([asked / shared])
      : b.div(headsOf(q), headsOf(k));
  const whole = (one: ValueId): ValueId =>
    asked === shared && asked !== null ? one : repeated(b, one, groups);
  const scale = attributeFloat(op, 'scale');
  const factor =
    scale === undefined
      ? b.op('Reciprocal', [b.op('Sqrt', [b.cast(b.op('Shape', [q], int('start', 3)), b.dtype(query!))])])
      : b.scalar(scale, query!);
  const products = b.op('MatMul', [b.mul(q, factor), b.transpose(whole(k), [0, 1, 3, 2])]);
  const cap = attributeFloat(op, 'softcap') ?? 0;
  const capped =
    cap > 0 ? b.mul(b.op('Tanh', [b.div(products, b.scalar(cap, query!))]), b.scalar(cap, query!)) : products;
  const past = pastKey === NO_VALUE ? undefined : b.op('Shape', [pastKey!], int('start', 2), int('end', 3));
  const hidden = hide(b, op, { scores: capped, like: query!, mask: mask!, past, lengths: lengths! });
  const probabilities = b.op('Softmax', [hidden], int('axis', -1));
  const heads = b.op('MatMul', [probabilities, whole(v)]);
  const y = flat ? b.op('Reshape', [b.transpose(heads, [0, 2, 1, 3]), b.list([0, 0, -1])]) : heads;
  const shown = [capped, capped, hidden, probabilities][attributeInt(op, 'qk_matmul_output_mode', 0)]!;
  return [y, k, v, shown];
}

/** Each head of keys several times, for the heads of queries that share it. */
function repeated(b: Builder, value: ValueId, times: ValueId): ValueId {
  const lead = b.op('Shape', [value], int('start', 0), int('end', 2));
  const rest = b.op('Shape', [value], int('start', 2));
  const shape = b.op('Concat', [lead, times, rest], int('axis', 0));
  const many = b.op('Expand', [b.op('Unsqueeze', [value, b.list([2])]), shape]);
  const batch = b.op('Shape', [value], int('start', 0), int('end', 1));
  return b.op('Reshape', [many, b.op('Concat', [batch, b.list([-1]), rest], int('axis', 0))]);
}

interface Hiding {
  readonly scores: ValueId;
  readonly like: ValueId;
  readonly mask: ValueId;
  readonly past: ValueId | undefined;
  readonly lengths: ValueId;
}

/** The scores with the mask, without later keys where it is causal, and without keys beyond each length. */
function hide(b: Builder, op: Op, { scores, like, mask, past, lengths }: Hiding): ValueId {
  const never = b.scalar(Number.NEGATIVE_INFINITY, like);
  const along = (axis: number): ValueId => {
    const size = b.op('Squeeze', [b.op('Shape', [scores], int('start', axis), int('end', axis + 1))]);
    return b.op('Range', [b.scalarOf(0, 'int64'), size, b.scalarOf(1, 'int64')]);
  };
  let hidden = scores;
  if (mask !== NO_VALUE) {
    const added = b.typeOf(mask);
    const isBool = added?.kind === 'tensor' && added.dtype === 'bool';
    const bias = isBool ? b.where(mask, b.scalar(0, like), never) : mask;
    hidden = b.add(hidden, lengthened(b, bias, mask, scores, never));
  }
  if (attributeInt(op, 'is_causal', 0) !== 0) {
    const row = b.op('Unsqueeze', [along(2), b.list([1])]);
    const last = past === undefined ? row : b.add(row, past);
    hidden = b.where(b.op('Greater', [along(3), last]), never, hidden);
  }
  if (lengths !== NO_VALUE) {
    const ends = b.op('Reshape', [b.cast(lengths, 'int64'), b.list([-1, 1, 1, 1])]);
    hidden = b.where(b.op('Less', [along(3), ends]), hidden, never);
  }
  return hidden;
}

/** A mask may end early: keys after it are not looked at. */
function lengthened(b: Builder, bias: ValueId, mask: ValueId, scores: ValueId, never: ValueId): ValueId {
  const [rank, own] = [b.rank(mask), b.dims(mask).at(-1)];
  if (rank === 0 || own === 1) return bias;
  const size = (of: ValueId): ValueId => b.op('Shape', [of], int('start', -1));
  const rest = b.sub(size(scores), size(bias));
  const pads = b.op('Concat', [b.list(new Array<number>(2 * rank - 1).fill(0)), rest], int('axis', 0));
  return b.op('Pad', [bias, pads, never]);
}

/** Spectra of frames: [batch, frames, points, 2]. */
export function expandSTFT(b: Builder, op: Op): readonly ValueId[] {
  const [signal, step, window, length] = Array.from({ length: 4 }, (_, at) => op.inputs[at] ?? NO_VALUE) as [
    ValueId,
    ValueId,
    ValueId,
    ValueId,
  ];
  const number = (value: ValueId): ValueId => b.cast(b.op('Reshape', [value, b.list([])]), 'int64');
  const sizeOf = (value: ValueId, axis: number): ValueId =>
    b.op('Squeeze', [b.op('Shape', [value], int('start', axis), int('end', axis + 1))]);
  const total = sizeOf(signal, 1);
  const size = length !== NO_VALUE ? number(length) : window !== NO_VALUE ? sizeOf(window, 0) : total;
  const hop = number(step);
  const [none, one] = [b.scalarOf(0, 'int64'), b.scalarOf(1, 'int64')];
  const frames = b.add(b.div(b.sub(total, size), hop), one);
  const starts = b.op('Unsqueeze', [b.mul(b.op('Range', [none, frames, one]), hop), b.list([1])]);
  const places = b.add(starts, b.op('Range', [none, size, one]));
  const three = b.rank(signal) === 3 ? signal : b.op('Unsqueeze', [signal, b.list([-1])]);
  const taken = b.op('Gather', [three, places], int('axis', 1));
  const weighted = window === NO_VALUE ? taken : b.mul(taken, b.op('Unsqueeze', [window, b.list([-1])]));
  const onesided = int('onesided', attributeInt(op, 'onesided', 1));
  if (b.opset >= 20) return [b.op('DFT', [weighted, NO_VALUE, b.scalarOf(2, 'int64')], onesided)];
  return [b.op('DFT', [weighted], int('axis', 2), onesided)];
}
