// Types as authors state them.

import type { Dim, ValueType } from '../../ir/index.ts';
import { array, type Code, call, quoted } from './code.ts';
import type { Values } from './values.ts';

/** A type as arguments of `input` and `as`: dtype and shape, or a container. */
export function typeCodes(values: Values, type: ValueType | undefined): Code[] | undefined {
  if (type?.kind === 'tensor') {
    if (type.dtype === undefined) return undefined;
    const shape = type.dims === undefined ? [] : [array(type.dims.map(dimCode))];
    return [values.use(type.dtype), ...shape];
  }
  if (type?.kind === 'sequence' && type.elem?.kind === 'tensor') {
    const elem = typeCodes(values, type.elem);
    return elem && [call(values.use('sequenceOf'), elem)];
  }
  if (type?.kind === 'optional' && (type.elem?.kind === 'tensor' || type.elem?.kind === 'sequence')) {
    const elem = typeCodes(values, type.elem);
    return elem && [call(values.use('optionalOf'), elem)];
  }
  return undefined;
}

const dimCode = (dim: Dim): Code =>
  dim === null ? 'null' : typeof dim === 'number' ? String(dim) : quoted(dim);
