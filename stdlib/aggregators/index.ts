// Aggregators in the graph: what members answered, as one; each takes what `weightedMean` takes and gives what it gives.

export { weightedMean } from '../../dsl/aggregate.ts';
export { type ClippedOptions, clippedMean, cosineScreened, type ScreenedOptions } from './bounded.ts';
export type { Combine } from './combine.ts';
export { median, trimmedMean } from './coordinates.ts';
export { bulyan, krum, multiKrum } from './distances.ts';
export { type FoldedMean, foldedMean } from './folded.ts';
export { type GeometricOptions, geometricMedian } from './geometric.ts';
