// Data sources: records from arrays and files, in a reproducible order, shared out over members.

export type { CsvField, Part, Sharding, Shuffle } from '../../ir/index.ts';
export { arrays } from './arrays.ts';
export { type DataOptions, dataComponent } from './component.ts';
export { type CsvOptions, type CsvText, csv } from './csv.ts';
export { idx } from './idx.ts';
export { type ImageFile, type ImageOptions, images } from './images.ts';
export { npz } from './npz.ts';
export { Order } from './order.ts';
export { part, select, shard } from './select.ts';
export { shards } from './shard.ts';
export type { Bytes, Field, Source } from './source.ts';
