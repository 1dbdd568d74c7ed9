// The simulator: a deployment in a world of its own, with virtual time, links, faults and chance from a seed.

export { Checkers, Violation } from './checkers.ts';
export { SimulatedDeployment, type SimulatedOptions } from './deployment.ts';
export { Durability } from './durability.ts';
export { type FaultPlan, needsDurability, scheduleFaults } from './faults.ts';
export { prepareWorkers, Worker } from './worker.ts';
export {
  type ComputeNs,
  type Observer,
  type SimEvent,
  type SimPeer,
  type SimPeerOptions,
  World,
  type WorldOptions,
} from './world.ts';
