// The simulator: a deployment in a world of its own, with virtual time, links and chance from a seed.

export { SimulatedDeployment, type SimulatedOptions } from './deployment.ts';
export {
  type ComputeNs,
  type Observer,
  type SimEvent,
  type SimPeer,
  type SimPeerOptions,
  World,
  type WorldOptions,
} from './world.ts';
