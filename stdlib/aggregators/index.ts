// Aggregators: what members answered, as one value.

export { weightedMean } from './weighted-mean.ts';
