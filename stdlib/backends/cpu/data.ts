// Values as files hold them, in and out.

import { type DataValue, isTensor } from '../../../ir/data.ts';
import { Unsupported } from './kernel.ts';
import { fromTensor, toTensor, type Value } from './value.ts';

export function fromData(data: DataValue): Value {
  if (isTensor(data)) return fromTensor(data);
  switch (data.kind) {
    case 'sequence':
      return { kind: 'sequence', items: data.values.map(fromData) };
    case 'optional':
      return { kind: 'optional', value: data.value === null ? undefined : fromData(data.value) };
    case 'sparse':
      throw new Unsupported('sparse');
  }
}

export function toData(value: Value): DataValue {
  switch (value.kind) {
    case 'tensor':
      return toTensor(value);
    case 'sequence':
      return { kind: 'sequence', values: value.items.map(toData) };
    case 'optional':
      return { kind: 'optional', value: value.value === undefined ? null : toData(value.value) };
    case 'map':
      throw new Unsupported('map');
  }
}
