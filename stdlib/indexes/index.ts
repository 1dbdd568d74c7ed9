// Vector indexes: exact, and approximate for many vectors.

export { type FlatOptions, flatIndex } from './flat.ts';
export { type HnswOptions, hnswIndex } from './hnsw.ts';
export type { Metric } from './vectors.ts';
