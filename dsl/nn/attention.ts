// Attention and the transformer's encoder layer.

import { addConstant } from '../constant.ts';
import { dtypeIn } from '../core-op.ts';
import { packElements } from '../elements.ts';
import { range, where } from '../ops/generated/ops.ts';
import type { Recorder } from '../recorder.ts';
import type { ElementOf, ShapeOf, Tensor, Value } from '../types.ts';
import { factOf, toValue } from '../value.ts';
import { model } from './compose.ts';
import { xavierUniform } from './initialise.ts';
import { type Layer, leaf, problem, type Some, size, type UnaryLayer } from './layer.ts';
import { linear } from './linear.ts';
import { layerNorm } from './norm.ts';
import type { LastDim } from './rule.ts';
import { dropout, gelu, relu } from './simple.ts';
import type { Float, None, Spec } from './spec.ts';

export interface AttentionMask {
  /** What may be looked at: bool, of a shape that broadcasts to [N, heads, queries, keys]; or numbers that are added. */
  readonly mask?: Tensor;
  /** Each position sees itself and what comes before it. Default: false. */
  readonly causal?: boolean;
}
/** query [N, L, embed], key and value [N, S, embed] → [N, L, embed]; without key and value it attends to itself. */
export type Attention<D extends Float> = <Q extends Tensor<D>, K extends Tensor<D> = Q>(
  query: Q,
  options?: AttentionMask & { readonly key?: K; readonly value?: K },
) => Value<ElementOf<Q>, ShapeOf<Q>, 'any'>;

/** The parameters of a linear layer from `E` to `F`, under a name. */
type LinearNamed<Name extends string, D extends Float, E extends number, F extends number> = {
  readonly [Key in `${Name}.weight`]: Spec<D, [F, E]>;
} & { readonly [Key in `${Name}.bias`]: Spec<D, [F]> };
type AttentionParameters<D extends Float, E extends number> = LinearNamed<
  'query' | 'key' | 'value' | 'output',
  D,
  E,
  E
>;

export interface AttentionOptions<E extends number, D extends Float> {
  readonly embed: E;
  /** Must divide `embed`. */
  readonly heads: number;
  /** Default: float32. */
  readonly dtype?: D;
}

/** Multi-head attention (Vaswani et al. 2017, section 3.2.2). Its parts `query`, `key`, `value` and `output` are linear. */
export function multiHeadAttention<const E extends number, D extends Float = 'float32'>(
  options: AttentionOptions<E, D>,
): Layer<AttentionParameters<D, E>, None, Attention<D>> {
  const { embed, heads, dtype } = options;
  if (size('multiHeadAttention', 'embed', embed) % size('multiHeadAttention', 'heads', heads) !== 0) {
    throw problem('multiHeadAttention', `embed is ${embed}, which ${heads} heads do not divide`);
  }
  const part = () =>
    linear({ in: embed as number, out: embed as number, dtype: dtype as Float, initialise: xavierUniform() });
  const core = leaf({
    name: 'attention',
    parameters: {},
    apply: ({ owner }, q: Some, k: Some, v: Some, mask: AttentionMask) => {
      const parts = [q, k, v].map((one) => split(one, heads, embed / heads));
      return merge(attend(owner, parts[0]!, parts[1]!, parts[2]!, mask, embed / heads), embed);
    },
  }) as Layer<None, None, (q: Some, k: Some, v: Some, mask: AttentionMask) => Some>;
  const parts = { query: part(), key: part(), value: part(), output: part() };
  return model(parts, ({ query, key, value, output }) => {
    const apply = core({}) as (q: unknown, k: unknown, v: unknown, mask: AttentionMask) => Some;
    return (x: Some, given: AttentionMask & { readonly key?: Some; readonly value?: Some } = {}) => {
      const keys = given.key ?? x;
      return output(apply(query(x), key(keys), value(given.value ?? keys), given));
    };
  }) as never;
}

/** [N, L, heads · width] → [N, heads, L, width]. */
const split = (x: Some, heads: number, width: number): Some =>
  (x.reshape([0, 0, heads, width]) as Some).transpose({ perm: [0, 2, 1, 3] }) as Some;
/** [N, heads, L, width] → [N, L, heads · width]. */
const merge = (x: Some, embed: number): Some =>
  (x.transpose({ perm: [0, 2, 1, 3] }) as Some).reshape([0, 0, embed]) as Some;

function attend(
  owner: Recorder,
  q: Some,
  k: Some,
  v: Some,
  { mask, causal }: AttentionMask,
  width: number,
): Some {
  const turned = k.transpose({ perm: [0, 1, 3, 2] }) as Some;
  let scores = (q.mul(1 / Math.sqrt(width)) as Some).matmul(turned) as Some;
  if (causal === true) scores = only(owner, lower(q, k), scores);
  if (mask !== undefined) {
    const { type } = factOf(mask, 'attention');
    const some = mask as Some;
    scores = dtypeIn(type) === 'bool' ? only(owner, some, scores) : (scores.add(some) as Some);
  }
  return (scores.softmax({ axis: -1 }) as Some).matmul(v) as Some;
}

/** Far below every score, and finite: a row without anything to look at gives no NaN. */
function only(owner: Recorder, seen: Some, scores: Some): Some {
  const dtype = dtypeIn(factOf(scores, 'attention').type) ?? 'float32';
  const far = { dtype, dims: [], bytes: packElements(dtype, [-1e4]) };
  return where(seen, scores, toValue<Some>(addConstant(owner, far), owner)) as Some;
}

/** Which keys come no later than each query, counted from the ends: [queries, keys]. */
function lower(q: Some, k: Some): Some {
  const [rows, columns] = [q, k].map(
    (one) => one.shape({ start: 2, end: 3 }).squeeze({ axes: [0] }) as Tensor as Some,
  );
  const numbers = (count: Some): Some => {
    const zero = count.sub(count) as Some;
    return range(zero, count, zero.add(1) as Some) as Some;
  };
  const late = rows!.sub(columns!) as Some;
  const row = (numbers(rows!).sub(late) as Some).unsqueeze([1]) as Some;
  return numbers(columns!).lessOrEqual(row) as Some;
}

export interface EncoderOptions<E extends number, H extends number, D extends Float>
  extends AttentionOptions<E, D> {
  /** Width of the layer between. */
  readonly feedforward: H;
  /** After attention, between and after the linear layers. Default: 0.1. */
  readonly dropout?: number;
  /** Default: relu. */
  readonly activation?: 'relu' | 'gelu';
  /** Normalises what enters each half, not what leaves it. Default: false. */
  readonly normFirst?: boolean;
}
type EncoderParameters<D extends Float, E extends number, H extends number> = {
  readonly [Key in keyof AttentionParameters<D, E> & string as `attention.${Key}`]: AttentionParameters<
    D,
    E
  >[Key];
} & LinearNamed<'linear1', D, E, H> &
  LinearNamed<'linear2', D, H, E> & {
    readonly [Key in 'norm1.scale' | 'norm1.bias' | 'norm2.scale' | 'norm2.bias']: Spec<D, [E]>;
  };
/** [N, L, embed] → [N, L, embed]. */
export type Encoder<D extends Float> = <X extends Tensor<D>>(
  x: X,
  options?: AttentionMask,
) => Value<ElementOf<X>, ShapeOf<X>, 'any'>;

/** One layer of a transformer's encoder (Vaswani et al. 2017, section 3.1): attention and two linear layers, added to what enters. */
export function transformerEncoderLayer<
  const E extends number,
  const H extends number,
  D extends Float = 'float32',
>(options: EncoderOptions<E, H, D>): Layer<EncoderParameters<D, E, H>, None, Encoder<D>> {
  const { embed, heads, feedforward, normFirst = false } = options;
  const dtype = options.dtype as Float | undefined;
  const ratio = options.dropout ?? 0.1;
  const [wide, narrow] = [feedforward as number, embed as number];
  const layers = {
    attention: multiHeadAttention({ embed: narrow, heads, ...(dtype && { dtype }) }),
    dropout1: dropout(ratio),
    norm1: layerNorm(narrow, { ...(dtype && { dtype }) }),
    linear1: linear({ in: narrow, out: wide, ...(dtype && { dtype }) }),
    activation: (options.activation === 'gelu' ? gelu() : relu()) as UnaryLayer<
      None,
      None,
      LastDim<'activation', Float, number, number>
    >,
    dropout: dropout(ratio),
    linear2: linear({ in: wide, out: narrow, ...(dtype && { dtype }) }),
    dropout2: dropout(ratio),
    norm2: layerNorm(narrow, { ...(dtype && { dtype }) }),
  };
  return model(layers, (part) => {
    const looks = (x: Some, mask: AttentionMask): Some => part.dropout1(part.attention(x, mask)) as Some;
    const thinks = (x: Some): Some =>
      part.dropout2(part.linear2(part.dropout(part.activation(part.linear1(x))))) as Some;
    return (x: Some, mask: AttentionMask = {}): Some => {
      if (normFirst) {
        const seen = x.add(looks(part.norm1(x) as Some, mask)) as Some;
        return seen.add(thinks(part.norm2(seen) as Some)) as Some;
      }
      const seen = part.norm1(x.add(looks(x, mask)) as Some) as Some;
      return part.norm2(seen.add(thinks(seen)) as Some) as Some;
    };
  }) as never;
}
