// A data source as the component that a program asks for batches.

import {
  type DataValue,
  isTensor,
  type LastBatch,
  type Port,
  type Shuffle,
  type Slot,
} from '../../ir/index.ts';
import type { Component, ComponentCall } from '../../runtime/index.ts';
import { type Conversion, conversionTo } from './convert.ts';
import { Order } from './order.ts';
import type { Source } from './source.ts';

export interface DataOptions {
  /** A new order each epoch; without it every epoch has the source's. */
  readonly shuffle?: Shuffle;
  /** Tells members apart that share a seed: the shard's number. */
  readonly stream?: number;
}

/** Fills the slot of a `dataSource` with the records of `source`, which stays the caller's to close. */
export function dataComponent(source: Source, options: DataOptions = {}): Component {
  return new DataComponent(source, new Order(source.count, options));
}

class DataComponent implements Component {
  readonly role = 'data_source';
  readonly #source: Source;
  readonly #order: Order;

  constructor(source: Source, order: Order) {
    this.#source = source;
    this.#order = order;
  }

  misfit({ fields = [] }: Slot): string | undefined {
    const problems = fields.map((port) => this.#reader(port)).filter((one) => typeof one === 'string');
    if (fields.length > 0 && this.#source.count === 0) problems.push(`${this.#source.name} has no records`);
    return problems.length === 0 ? undefined : problems.join('; ');
  }

  async call({ method, options, inputs, results }: ComponentCall): Promise<readonly DataValue[]> {
    if (method === 'Size') {
      const bytes = new Uint8Array(BigInt64Array.of(BigInt(this.#source.count)).buffer);
      return [{ dtype: 'int64', dims: [], bytes }];
    }
    const [index, size] = inputs.map(scalarOf);
    const records = this.#order.batch(index!, size!, options.last as LastBatch);
    return results.map((port) => {
      const reader = this.#reader(port);
      if (typeof reader === 'string') throw new Error(reader);
      return reader.convert(this.#source.read(reader.field, records));
    });
  }

  /** How a field that a program declares is read; in words, why it cannot be. */
  #reader(port: Port): { readonly field: number; readonly convert: Conversion } | string {
    const { fields, name } = this.#source;
    const field = fields.findIndex((one) => one.name === port.name);
    const known = fields.map((one) => one.name).join(', ');
    if (field === -1) return `${name} has no field ${port.name}; it has ${known === '' ? 'none' : known}`;
    const convert = conversionTo(port, fields[field]!);
    return typeof convert === 'string' ? `${name}: ${convert}` : { field, convert };
  }
}

function scalarOf(value: DataValue): number {
  if (!isTensor(value) || value.dtype !== 'int64' || value.bytes.length !== 8)
    throw new Error('index and size are int64 scalars');
  const { buffer, byteOffset } = value.bytes;
  return Number(new DataView(buffer, byteOffset, 8).getBigInt64(0, true));
}
