// A model with gradients in fewer ops, where the whole of it is plain ONNX for one backend: what forward and backward ops
// share is computed once, and what rules wrote for every case is taken out where it does nothing.

import type { Evaluator, Model } from '../../ir/index.ts';
import { rewrites } from '../simplify/rewrites.ts';
import { simplifyModel } from '../simplify/simplify.ts';
import { crossEntropy } from './lean/cross-entropy.ts';
import { descent } from './lean/descent.ts';

const exact = rewrites.filter(({ tolerance }) => tolerance === 0);

/** The same results, bit by bit. */
export const lean = (model: Model): Model => simplifyModel(model, { rewrites: exact }).model;

/** Of a training step: results may move by rounding. `evaluate` is what folding computes with. */
export const leanStep = (model: Model, evaluate?: Evaluator): Model =>
  simplifyModel(model, { rewrites: [crossEntropy, descent, ...exact], tolerance: 1e-6, evaluate }).model;
