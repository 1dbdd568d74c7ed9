// All families of kernels.

import type { KernelFamily } from '../kernel.ts';
import { pairwise } from './arithmetic.ts';
import { attentions, previewAttentions } from './attention.ts';
import { casting } from './cast.ts';
import { control } from './control.ts';
import { convolutions } from './conv.ts';
import { creation } from './creation.ts';
import { deformable } from './deform.ts';
import { sums } from './einsum.ts';
import { gathering } from './gather.ts';
import { layerNorms } from './layernorm.ts';
import { linearAttentions } from './linear-attention.ts';
import { losses } from './losses.ts';
import { matrices } from './matmul.ts';
import { features, maps } from './ml-features.ts';
import { linearModels } from './ml-linear.ts';
import { movement } from './movement.ts';
import { normalization } from './norm.ts';
import { pooling } from './pool.ts';
import { quantization } from './quantized.ts';
import { quantizedProducts } from './quantized-products.ts';
import { chance } from './random.ts';
import { recurrentNets } from './recurrent.ts';
import { reductions } from './reduce.ts';
import { regions } from './regions.ts';
import { resizing } from './resize.ts';
import { sampling } from './sampling.ts';
import { sequences } from './sequences.ts';
import { signals } from './signal.ts';
import { texts } from './text.ts';
import { training } from './training.ts';
import { trees } from './trees.ts';
import { elementwise } from './unary.ts';

export {
  attentions,
  casting,
  chance,
  control,
  convolutions,
  creation,
  deformable,
  elementwise,
  features,
  gathering,
  layerNorms,
  linearAttentions,
  linearModels,
  losses,
  maps,
  matrices,
  movement,
  normalization,
  pairwise,
  pooling,
  previewAttentions,
  quantization,
  quantizedProducts,
  recurrentNets,
  reductions,
  regions,
  resizing,
  sampling,
  sequences,
  signals,
  sums,
  texts,
  training,
  trees,
};

/** Every operator that there is a kernel for. */
export const allFamilies: readonly KernelFamily[] = [
  attentions,
  casting,
  chance,
  control,
  convolutions,
  creation,
  deformable,
  elementwise,
  features,
  gathering,
  layerNorms,
  linearAttentions,
  linearModels,
  losses,
  maps,
  matrices,
  movement,
  normalization,
  pairwise,
  pooling,
  previewAttentions,
  quantization,
  quantizedProducts,
  recurrentNets,
  reductions,
  regions,
  resizing,
  sampling,
  sequences,
  signals,
  sums,
  texts,
  training,
  trees,
];
