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
