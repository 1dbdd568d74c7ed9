// Differential privacy: what an author adds to a module, and what it costs.

export {
  type Allowance,
  epsilonOf,
  type Mechanism,
  noiseFor,
  ORDERS,
  renyiDivergence,
  type Spent,
  stepsFor,
} from './accountant.ts';
export { type Budget, type BudgetOptions, budget } from './budget.ts';
export { clipRows, clipUpdate, noisedMean, type Rows } from './central.ts';
export { type Batch, type One, type Picked, poissonSample, privateGradient } from './gradient.ts';
export { type Drawn, type HostNoiseOptions, hostNoise, type Noise, seededNoise } from './noise.ts';
export type { ReleaseOptions } from './release.ts';
export {
  type MaskedSum,
  type MaskedSumOptions,
  maskedSum,
  type SecureSum,
  type SecureSumOptions,
  secureSum,
} from './secure-sum.ts';
