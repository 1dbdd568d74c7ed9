// Some of a source's records, as a source.

import { type Part, type Sharding, type Tensor, unpackStrings } from '../../ir/index.ts';
import { shuffle, streamOf, upTo } from './philox.ts';
import { shards } from './shard.ts';
import type { Source } from './source.ts';

/** The records named, in that order. */
export function select(source: Source, records: Uint32Array): Source {
  return {
    name: source.name,
    fields: source.fields,
    count: records.length,
    read: (field, wanted) =>
      source.read(
        field,
        wanted.map((record) => records[record]!),
      ),
    close: () => source.close(),
  };
}

/** The train or the test part; together they have every record once, each in the source's order. */
export function part(source: Source, { take, share, seed }: Part): Source {
  const order = shuffle(upTo(source.count), streamOf(seed, 'part'));
  const cut = Math.floor(share * source.count);
  return select(source, (take === 'test' ? order.subarray(0, cut) : order.subarray(cut)).slice().sort());
}

/**
 * Shard `index` of `number`. Throws RangeError if there is no such field of labels, or records do not go round.
 * Reads every label if the sharding needs them.
 */
export function shard(source: Source, sharding: Sharding, index: number, number: number): Source {
  const labels = sharding.by === 'iid' ? undefined : labelsOf(source, sharding.label);
  return select(source, shards(source.count, number, sharding, labels)[index]!);
}

function labelsOf(source: Source, label: string): readonly (number | bigint | string)[] {
  const field = source.fields.findIndex(({ name }) => name === label);
  const names = source.fields.map(({ name }) => name).join(', ');
  if (field === -1) throw new RangeError(`there is no field ${label} to shard by; there are: ${names}`);
  const { dtype, dims } = source.fields[field]!;
  if (dims.some((dim) => dim !== 1))
    throw new RangeError(`field ${label} is no label: it is not one element`);
  return elements(source.read(field, upTo(source.count)), dtype);
}

function elements({ bytes, dims }: Tensor, dtype: Tensor['dtype']): readonly (number | bigint | string)[] {
  if (dtype === 'string') return unpackStrings(bytes, dims[0]!);
  const { buffer } = bytes.slice();
  const arrays: Partial<Record<Tensor['dtype'], () => Iterable<number | bigint>>> = {
    uint8: () => new Uint8Array(buffer),
    int8: () => new Int8Array(buffer),
    uint16: () => new Uint16Array(buffer),
    int16: () => new Int16Array(buffer),
    uint32: () => new Uint32Array(buffer),
    int32: () => new Int32Array(buffer),
    uint64: () => new BigUint64Array(buffer),
    int64: () => new BigInt64Array(buffer),
    bool: () => new Uint8Array(buffer),
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
  };
  const view = arrays[dtype];
  if (view === undefined) throw new RangeError(`labels of ${dtype} cannot be sharded by`);
  return [...view()];
}
