// Two statements about one value, brought together; and what is common to two values.

import { sameType } from '../../ir/onnx/types.ts';
import { type Dim, formatType, type ValueType } from '../../ir/types.ts';
import { Contradiction, joinShapes } from './dims.ts';

/** What is known of a value that is of one type or the other; undefined where they have nothing in common. */
export function joinTypes(a: ValueType | undefined, b: ValueType | undefined): ValueType | undefined {
  if (a === undefined || b === undefined || a.kind !== b.kind) return undefined;
  if ((a.kind === 'tensor' || a.kind === 'sparse') && a.kind === b.kind) {
    const dtype = a.dtype === b.dtype ? a.dtype : undefined;
    return { kind: a.kind, dtype, dims: joinShapes(a.dims, b.dims) };
  }
  if ((a.kind === 'sequence' || a.kind === 'optional') && a.kind === b.kind) {
    return { kind: a.kind, elem: joinTypes(a.elem, b.elem) };
  }
  return sameType(a, b) ? a : undefined;
}

/** Whether of two names for a dimension the first or the second statement's stays. */
export type Names = 'first' | 'second';

/**
 * Both describe the same value: the more specific of each part. Throws {@link Contradiction} if they cannot
 * both be true.
 */
export function unifyTypes(
  a: ValueType | undefined,
  b: ValueType | undefined,
  names: Names = 'first',
): ValueType | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const clash = (): never => {
    throw new Contradiction(`${formatType(a)} and ${formatType(b)} cannot both be true`);
  };
  switch (a.kind) {
    case 'tensor':
    case 'sparse': {
      if (b.kind !== a.kind || (a.dtype && b.dtype && a.dtype !== b.dtype)) return clash();
      if (a.dims && b.dims && a.dims.length !== b.dims.length) return clash();
      const dims =
        a.dims?.map((dim, axis) => unifyNamed(dim, b.dims?.[axis] ?? null, names, clash)) ?? b.dims;
      return { kind: a.kind, dtype: a.dtype ?? b.dtype, dims };
    }
    case 'sequence':
    case 'optional':
      return b.kind === a.kind ? { kind: a.kind, elem: unifyTypes(a.elem, b.elem, names) } : clash();
    case 'map':
    case 'opaque':
      return sameType(a, b) ? a : clash();
  }
}

function unifyNamed(a: Dim, b: Dim, names: Names, clash: () => never): Dim {
  if (typeof a === 'number') return typeof b === 'number' && a !== b ? clash() : a;
  if (typeof b === 'number') return b;
  return names === 'first' ? (a ?? b) : (b ?? a);
}
