// The eight roles. A new one is one more declaration here, and components that satisfy it.

import type { RoleMethods } from './declaration.ts';

const int64 = (name: string) => ({ name, dtype: 'int64', shape: [] }) as const;

const dataSource = {
  /** The records at positions [index × size, (index + 1) × size) of the source's endless order. */
  Batch: {
    kind: 'query',
    inputs: [int64('index'), int64('size')],
    // private: no field may leave its class as it is.
    options: { last: ['wrap', 'drop', 'keep'], private: ['no', 'yes'] },
    outputs: 'fields',
  },
  /** How many records there are. */
  Size: { kind: 'query', inputs: [], options: {}, outputs: [int64('size')] },
} as const satisfies RoleMethods;

const aggregator = {
  /** One value of many, stacked on a first axis in set order; each counts as its weight says. */
  Combine: {
    kind: 'query',
    inputs: [
      { name: 'values', dtype: 'T', shape: ['K', '...S'] },
      { name: 'weights', dtype: 'U', shape: ['K'] },
    ],
    options: {},
    outputs: [{ name: 'combined', dtype: 'T', shape: ['...S'] }],
  },
} as const satisfies RoleMethods;

const codec = {
  Encode: {
    kind: 'query',
    inputs: [{ name: 'value', dtype: 'T', shape: ['...S'] }],
    options: {},
    outputs: [{ name: 'encoded', dtype: 'uint8', shape: ['N'] }],
  },
  /** `like` says dtype and shape of what comes out; its elements are not read. */
  Decode: {
    kind: 'query',
    inputs: [
      { name: 'encoded', dtype: 'uint8', shape: ['N'] },
      { name: 'like', dtype: 'T', shape: ['...S'] },
    ],
    options: {},
    outputs: [{ name: 'value', dtype: 'T', shape: ['...S'] }],
  },
} as const satisfies RoleMethods;

const index = {
  /** Adds vectors under their ids; an id that is there gets the new vector. */
  Add: {
    kind: 'update',
    inputs: [
      { name: 'ids', dtype: 'int64', shape: ['N'] },
      { name: 'vectors', dtype: 'float32', shape: ['N', 'D'] },
    ],
    options: {},
    outputs: [],
  },
  Remove: {
    kind: 'update',
    inputs: [{ name: 'ids', dtype: 'int64', shape: ['N'] }],
    options: {},
    outputs: [],
  },
  /** For each query the nearest, at most `count` of them, nearest first; of equal distance, the lower id. */
  Search: {
    kind: 'query',
    inputs: [{ name: 'queries', dtype: 'float32', shape: ['Q', 'D'] }, int64('count')],
    options: {},
    outputs: [
      { name: 'ids', dtype: 'int64', shape: ['Q', 'K'] },
      { name: 'distances', dtype: 'float32', shape: ['Q', 'K'] },
    ],
  },
  Size: { kind: 'query', inputs: [], options: {}, outputs: [int64('size')] },
} as const satisfies RoleMethods;

const peerSelector = {
  /** At most `count` members of a class, without this peer itself where `self` says no; ordered, each once. */
  Select: {
    kind: 'query',
    inputs: [int64('count')],
    options: { class: [], self: ['no', 'yes'] },
    outputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
  },
} as const satisfies RoleMethods;

/** A model that is no graph: it trains and predicts in its own way. */
const model = {
  /** One step of training; gives the loss before it, in nats or whatever the model minimises. */
  Fit: {
    kind: 'ask',
    inputs: [
      { name: 'inputs', dtype: 'T', shape: ['N', '...S'] },
      { name: 'targets', dtype: 'U', shape: ['N', '...R'] },
    ],
    options: {},
    outputs: [{ name: 'loss', dtype: 'float32', shape: [] }],
  },
  Predict: {
    kind: 'ask',
    inputs: [{ name: 'inputs', dtype: 'T', shape: ['N', '...S'] }],
    options: {},
    outputs: 'fields',
  },
  /** All parameters, one after another. */
  Parameters: {
    kind: 'ask',
    inputs: [],
    options: {},
    outputs: [{ name: 'parameters', dtype: 'float32', shape: ['P'] }],
  },
  /** Takes parameters as {@link Parameters} gives them. */
  Load: {
    kind: 'update',
    inputs: [{ name: 'parameters', dtype: 'float32', shape: ['P'] }],
    options: {},
    outputs: [],
  },
} as const satisfies RoleMethods;

/** By role, then by op type. A backend runs segments, which no op calls by name; a protocol declares its own methods. */
export const roles = {
  backend: {},
  model,
  index,
  aggregator,
  codec,
  data_source: dataSource,
  peer_selector: peerSelector,
  protocol: {},
} as const satisfies Readonly<Record<string, RoleMethods>>;

export type RoleName = keyof typeof roles;
export const roleNames = Object.keys(roles) as readonly RoleName[];

/** What an author chooses for a batch that ends with the epoch. */
export type LastBatch = (typeof dataSource.Batch.options.last)[number];
