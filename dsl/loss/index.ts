// Losses: scalars to minimise, and what tells how well a model does.

export { type ClassOptions, crossEntropy, nll } from './classes.ts';
export { cosineEmbedding, tripletMargin } from './embeddings.ts';
export { accuracy } from './metric.ts';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  hinge,
  huber,
  klDivergence,
  mae,
  mse,
  smoothL1,
} from './pointwise.ts';
export type { Reduction } from './reduce.ts';
