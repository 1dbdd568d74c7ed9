// The formulas of optimisers: the next value of a parameter from its gradient.
//
// As PyTorch has them (SGD with momentum, dampening and Nesterov, Adam, AdamW, Adagrad, RMSprop), as Chen et al. 2023
// (Lion, arXiv:2302.06675), and as the operators of ai.onnx.preview.training (the onnx ones).

import type { Real, Rule, Update } from './optimizer.ts';

type Made = ReturnType<Rule<object>['update']>;

const scaled = (factor: number, value: Real): Real => (factor === 1 ? value : (value.mul(factor) as Real));
const plus = (a: Real, b: Real): Real => a.add(b) as Real;
const square = (value: Real): Real => value.mul(value) as Real;

/** The gradient with that of half the squared parameter, `factor` times. */
const decayed = ({ grad, param }: Update<object>, factor: number): Real =>
  factor === 0 ? grad : plus(grad, scaled(factor, param));

/** A step of `rate` against a direction. */
const descend = (param: Real, rate: Real, direction: Real): Real =>
  param.sub(direction.mul(rate) as Real) as Real;

/** keep · old + (1 - keep) · new */
const average = (keep: number, old: Real, value: Real): Real =>
  plus(scaled(keep, old), scaled(1 - keep, value));

/** What the learning rate leaves of a parameter that shrinks by itself, whatever the gradient. */
function shrunk(of: Update<object>, factor: number): Real {
  if (factor === 0) return of.param;
  const rest = of.shared('rest', () => of.rate.mul(-factor).add(1) as Real);
  return of.param.mul(rest) as Real;
}

/** 1 - factor^steps, of a mean over so many steps that began at zero. */
const correction = (of: Update<object>, steps: Real, factor: number): Real =>
  of.number(1).sub(of.number(factor).pow(steps)) as Real;

export const sgd: Rule<{ weightDecay: number }, never> = {
  settings: { weightDecay: 0 },
  slots: [],
  update: (of) => ({
    param: descend(of.param, of.rate, decayed(of, of.settings.weightDecay)),
    slots: [],
  }),
};

const momentumSettings = { momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: false };
export const momentum: Rule<typeof momentumSettings, 'momentum'> = {
  settings: momentumSettings,
  slots: ['momentum'],
  update(of): Made {
    const { momentum: keep, dampening, weightDecay, nesterov } = of.settings;
    const grad = decayed(of, weightDecay);
    const next = plus(scaled(keep, of.slots.momentum!), scaled(1 - dampening, grad));
    // The first gradient is not dampened.
    const kept = dampening === 0 ? next : (of.first().where(grad, next) as Real);
    const direction = nesterov ? plus(grad, scaled(keep, kept)) : kept;
    return { param: descend(of.param, of.rate, direction), slots: [kept] };
  },
};

export const nesterov: Rule<typeof momentumSettings, 'momentum'> = {
  ...momentum,
  settings: { ...momentumSettings, nesterov: true },
};

type AdamSettings = {
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
};
function adamStep(of: Update<AdamSettings>, from: Real, grad: Real): Made {
  const { beta1, beta2, eps } = of.settings;
  const mean = average(beta1, of.slots.mean!, grad);
  const variance = average(beta2, of.slots.variance!, square(grad));
  const steps = of.shared('steps', () => of.step.add(1) as Real);
  const deviation = of.shared('deviation', () => correction(of, steps, beta2).sqrt() as Real);
  // The corrections of both means as one of the rate and of eps: no more work for each element.
  const rate = of.shared(
    'corrected rate',
    () => of.rate.mul(deviation).div(correction(of, steps, beta1)) as Real,
  );
  const least = of.shared('corrected eps', () => deviation.mul(eps) as Real);
  const direction = mean.div(plus(variance.sqrt() as Real, least)) as Real;
  return { param: descend(from, rate, direction), slots: [mean, variance] };
}

export const adam: Rule<AdamSettings, 'mean' | 'variance'> = {
  settings: { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  slots: ['mean', 'variance'],
  update: (of) => adamStep(of, of.param, decayed(of, of.settings.weightDecay)),
};

export const adamw: Rule<AdamSettings, 'mean' | 'variance'> = {
  settings: { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  slots: ['mean', 'variance'],
  update: (of) => adamStep(of, shrunk(of, of.settings.weightDecay), of.grad),
};

/** rate / (1 + decay · step) */
const slowed = (of: Update<object>, decay: number): Real =>
  decay === 0 ? of.rate : of.shared('slowed', () => of.rate.div(of.step.mul(decay).add(1) as Real) as Real);

function adagradStep(of: Update<object>, grad: Real, decay: number, eps: number): Made {
  const sum = plus(of.slots.sum!, square(grad));
  const direction = grad.div(sum.sqrt().add(eps) as Real) as Real;
  return { param: descend(of.param, slowed(of, decay), direction), slots: [sum] };
}

export const adagrad: Rule<{ lrDecay: number; eps: number; weightDecay: number }, 'sum'> = {
  settings: { lrDecay: 0, eps: 1e-10, weightDecay: 0 },
  slots: ['sum'],
  update: (of) => adagradStep(of, decayed(of, of.settings.weightDecay), of.settings.lrDecay, of.settings.eps),
};

export const rmsprop: Rule<{ alpha: number; eps: number; weightDecay: number }, 'mean'> = {
  settings: { alpha: 0.99, eps: 1e-8, weightDecay: 0 },
  slots: ['mean'],
  update(of): Made {
    const { alpha, eps, weightDecay } = of.settings;
    const grad = decayed(of, weightDecay);
    const mean = average(alpha, of.slots.mean!, square(grad));
    const direction = grad.div(mean.sqrt().add(eps) as Real) as Real;
    return { param: descend(of.param, of.rate, direction), slots: [mean] };
  },
};

export const lion: Rule<{ beta1: number; beta2: number; weightDecay: number }, 'momentum'> = {
  settings: { beta1: 0.9, beta2: 0.99, weightDecay: 0 },
  slots: ['momentum'],
  update(of): Made {
    const { beta1, beta2, weightDecay } = of.settings;
    const direction = average(beta1, of.slots.momentum!, of.grad).sign() as Real;
    return {
      param: descend(shrunk(of, weightDecay), of.rate, direction),
      slots: [average(beta2, of.slots.momentum!, of.grad)],
    };
  },
};

export const onnxMomentum: Rule<
  { alpha: number; beta: number; normCoefficient: number; nesterov: boolean },
  'momentum'
> = {
  settings: { alpha: 0.9, beta: 1, normCoefficient: 0, nesterov: false },
  slots: ['momentum'],
  update(of): Made {
    const { alpha, beta, normCoefficient, nesterov } = of.settings;
    const grad = decayed(of, normCoefficient);
    const share = beta === 1 ? grad : (of.first().where(grad, scaled(beta, grad)) as Real);
    const kept = plus(scaled(alpha, of.slots.momentum!), share);
    const direction = nesterov ? plus(grad, scaled(alpha, kept)) : kept;
    return { param: descend(of.param, of.rate, direction), slots: [kept] };
  },
};

type OnnxAdamSettings = {
  alpha: number;
  beta: number;
  epsilon: number;
  normCoefficient: number;
  normCoefficientPost: number;
};
export const onnxAdam: Rule<OnnxAdamSettings, 'mean' | 'variance'> = {
  settings: { alpha: 0.9, beta: 0.999, epsilon: 1e-6, normCoefficient: 0, normCoefficientPost: 0 },
  slots: ['mean', 'variance'],
  update(of): Made {
    const { alpha, beta, epsilon, normCoefficient, normCoefficientPost } = of.settings;
    const grad = decayed(of, normCoefficient);
    const mean = average(alpha, of.slots.mean!, grad);
    const variance = average(beta, of.slots.variance!, square(grad));
    const rate = of.shared('corrected rate', () => {
      const deviation = correction(of, of.step, beta).sqrt() as Real;
      const corrected = of.rate.mul(deviation).div(correction(of, of.step, alpha)) as Real;
      return of.first().where(of.rate, corrected) as Real;
    });
    const direction = mean.div(variance.sqrt().add(epsilon) as Real) as Real;
    const next = descend(of.param, rate, direction);
    return { param: scaled(1 - normCoefficientPost, next), slots: [mean, variance] };
  },
};

export const onnxAdagrad: Rule<{ decayFactor: number; epsilon: number; normCoefficient: number }, 'sum'> = {
  settings: { decayFactor: 0, epsilon: 1e-6, normCoefficient: 0 },
  slots: ['sum'],
  update: (of) =>
    adagradStep(of, decayed(of, of.settings.normCoefficient), of.settings.decayFactor, of.settings.epsilon),
};
