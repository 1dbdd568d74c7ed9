// Optimisers, schedules, and what is done to gradients before an update.

import { type Optimizer, optimizersOf, type Rate, type Rule } from './optimizer.ts';
import * as rules from './rules.ts';

export { accumulate } from './accumulate.ts';
export { clipByGlobalNorm, globalNorm } from './clip.ts';
export {
  type Counter,
  type Optimizer,
  type Rate,
  type Schedule,
  type Slots,
  zerosLike,
} from './optimizer.ts';
export { constantRate, cosineDecay, exponentialDecay, stepDecay, warmup } from './schedules.ts';
export { type Held, read, type States, train, update } from './train.ts';

/** Stochastic gradient descent, `weightDecay` as half the squared parameters in the loss. Keeps nothing. */
export const sgd = optimizersOf(rules.sgd);
/** With momentum as PyTorch has it; `nesterov` looks ahead. Keeps `momentum`. */
export const momentum = optimizersOf(rules.momentum);
/** Momentum that looks ahead. Keeps `momentum`. */
export const nesterov = optimizersOf(rules.nesterov);
/** Kingma and Ba 2014 (arXiv:1412.6980). Keeps `mean` and `variance`. */
export const adam = optimizersOf(rules.adam);
/** Adam whose weight decay does not go through the means (Loshchilov and Hutter, arXiv:1711.05101). */
export const adamw = optimizersOf(rules.adamw);
/** Duchi et al. 2011. Keeps `sum`. */
export const adagrad = optimizersOf(rules.adagrad);
/** Hinton's lecture 6e. Keeps `mean`. */
export const rmsprop = optimizersOf(rules.rmsprop);
/** Chen et al. 2023 (arXiv:2302.06675). Keeps `momentum`. */
export const lion = optimizersOf(rules.lion);
/** As the operator of ai.onnx.preview.training: `nesterov` is its other mode. Keeps `momentum`. */
export const onnxMomentum = optimizersOf(rules.onnxMomentum);
/** As the operator of ai.onnx.preview.training. Keeps `mean` and `variance`. */
export const onnxAdam = optimizersOf(rules.onnxAdam);
/** As the operator of ai.onnx.preview.training. Keeps `sum`. */
export const onnxAdagrad = optimizersOf(rules.onnxAdagrad);

interface Named {
  /** Settings besides `lr`, with their defaults. */
  readonly settings: Readonly<Record<string, number | boolean>>;
  readonly make: (options: { readonly lr: Rate } & Readonly<Record<string, unknown>>) => Optimizer;
}
const named = <Settings extends Record<string, number | boolean>>(rule: Rule<Settings>): Named => ({
  settings: rule.settings,
  make: optimizersOf(rule) as Named['make'],
});
/** All of them by name, for those who are told one. */
export const optimizersByName: Readonly<Record<string, Named>> = {
  sgd: named(rules.sgd),
  momentum: named(rules.momentum),
  nesterov: named(rules.nesterov),
  adam: named(rules.adam),
  adamw: named(rules.adamw),
  adagrad: named(rules.adagrad),
  rmsprop: named(rules.rmsprop),
  lion: named(rules.lion),
  onnxMomentum: named(rules.onnxMomentum),
  onnxAdam: named(rules.onnxAdam),
  onnxAdagrad: named(rules.onnxAdagrad),
};
