// Peer selectors: which members of a class take part.

export type { ChurnOptions } from './attendance.ts';
export { type CyclonOptions, cyclon } from './cyclon.ts';
export {
  type Graph,
  isConnected,
  mixingWeights,
  type Neighbourhood,
  randomRegular,
  ring,
  torus,
} from './graphs.ts';
export { type HyParViewOptions, hyParView } from './hyparview.ts';
export { mixing, randomNeighbours, ringNeighbours, torusNeighbours } from './neighbourhoods.ts';
export { type OverlayOptions, overlay, type PeerView } from './overlay.ts';
export { selection } from './selection.ts';
export {
  allPeers,
  type PowerOfChoiceOptions,
  powerOfChoice,
  randomPeers,
  roundRobin,
  weightedPeers,
} from './selectors.ts';
export { placedOverlay, type TManOptions, tMan } from './tman.ts';
