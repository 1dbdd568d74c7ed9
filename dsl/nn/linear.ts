// Linear layers and embeddings.

import { dimsIn } from '../core-op.ts';
import { factOf } from '../value.ts';
import { byFanIn, type Initialiser, normal } from './initialise.ts';
import { leaf, type Some, size, type UnaryLayer } from './layer.ts';
import type { LastDim, Rows } from './rule.ts';
import { type Float, type None, type Spec, spec, type WithBias } from './spec.ts';

export interface LinearOptions<In extends number, Out extends number, Bias extends boolean, D extends Float> {
  readonly in: In;
  readonly out: Out;
  /** Default: true. */
  readonly bias?: Bias;
  /** Of the weight. Default: uniform, ±1/√in, for the bias too. */
  readonly initialise?: Initialiser;
  /** Default: float32. */
  readonly dtype?: D;
}

/** x · weightᵀ + bias: [..., in] → [..., out]. Weight [out, in], bias [out]. */
export function linear<
  const In extends number,
  const Out extends number,
  Bias extends boolean = true,
  D extends Float = 'float32',
>(
  options: LinearOptions<In, Out, Bias, D>,
): UnaryLayer<WithBias<D, [Out, In], [Out], Bias>, None, LastDim<'linear', D, In, Out>> {
  const { bias = true, dtype = 'float32', initialise } = options;
  const [from, to] = [size('linear', 'in', options.in), size('linear', 'out', options.out)];
  return leaf({
    name: 'linear',
    parameters: {
      weight: spec(dtype, [to, from], initialise ?? byFanIn(from)),
      ...(bias && { bias: spec(dtype, [to], byFanIn(from)) }),
    },
    apply: ({ value, optional }, x: Some) => affine(x, value('weight'), optional('bias')),
  });
}

/** x · weightᵀ + bias; of matrices as one Gemm. */
export function affine(x: Some, weight: Some, bias: Some | undefined): Some {
  const rank = dimsIn(factOf(x, 'linear').type)?.length;
  if (rank === 2) return x.gemm(weight, { transB: true, ...(bias && { c: bias }) }) as Some;
  const product = x.matmul(weight.transpose({ perm: [1, 0] }) as Some) as Some;
  return bias === undefined ? product : (product.add(bias) as Some);
}

export interface EmbeddingOptions<Count extends number, Size extends number, D extends Float> {
  /** How many things have a row. */
  readonly count: Count;
  readonly size: Size;
  /** Default: normal(). */
  readonly initialise?: Initialiser;
  /** Default: float32. */
  readonly dtype?: D;
}

/** A row of weight [count, size] for each whole number: [...] → [..., size]. */
export function embedding<const Count extends number, const Size extends number, D extends Float = 'float32'>(
  options: EmbeddingOptions<Count, Size, D>,
): UnaryLayer<{ readonly weight: Spec<D, [Count, Size]> }, None, Rows<D, Size>> {
  const { count, size: width, dtype = 'float32', initialise = normal() } = options;
  const dims = [size('embedding', 'count', count), size('embedding', 'size', width)] as const;
  return leaf({
    name: 'embedding',
    parameters: { weight: spec(dtype, dims, initialise) },
    apply: ({ value }, ids: Some) => value('weight').gather(ids),
  });
}
