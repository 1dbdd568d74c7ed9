// Aggregators as components: what members answered, as one value. Those of the graph are in index.ts.

export { weightedMean } from './weighted-mean.ts';
