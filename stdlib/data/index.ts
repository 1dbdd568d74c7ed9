// Data sources: records from arrays and files, in a reproducible order, shared out over members.

export { arrays } from './arrays.ts';
export { type DataOptions, dataComponent } from './component.ts';
export { Order, type Shuffle } from './order.ts';
export { type Part, part, select, shard } from './select.ts';
export { type Sharding, shards } from './shard.ts';
export type { Field, Source } from './source.ts';
