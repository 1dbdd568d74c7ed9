// What the author knows of a type and nobody else does.

import { type DType, formatType, type Dim as IrDim, type ValueType } from '../ir/index.ts';
import { type ContainerType, type Known, type StatedShape, statedType } from './containers.ts';
import { dimsIn } from './core-op.ts';
import { recorder } from './recorder.ts';
import type { AnyShape, Element, PlaceOf, Tensor, Value } from './types.ts';
import { defineMethod, factOf, type Handle, toValue } from './value.ts';

export interface ShapeMethods {
  /**
   * States dtype and shape where types do not tell, as for results of imported models. Records nothing. A dimension
   * that is null, or the shape left out, is not known from here on: so is what a loop carries and changes in size.
   * Fails (BB307, BB302) if the recording knows otherwise.
   */
  as<V extends Tensor, const D extends DType, const S extends StatedShape>(
    this: V,
    dtype: D,
    shape: S,
  ): Value<D, Known<S>, PlaceOf<V>>;
  as<V extends Tensor, const D extends DType>(this: V, dtype: D): Value<D, AnyShape, PlaceOf<V>>;
  as<V extends Tensor, const E extends Element>(
    this: V,
    type: ContainerType<E>,
  ): Value<E, AnyShape, PlaceOf<V>>;
}

defineMethod('as', function as(this: Handle, of: DType | ContainerType, shape?: StatedShape) {
  const owner = recorder('as');
  return owner.call(as, () => {
    const fact = factOf(this, 'as');
    const stated = statedType(of, shape);
    if (!sameElements(fact.type, stated)) {
      const wanted = formatType(stated.kind === 'tensor' ? { ...stated, dims: undefined } : stated);
      owner.fail('BB307', { op: 'as', reason: `the value is ${formatType(fact.type)}, not ${wanted}` });
    }
    const [had, dims] = [dimsIn(fact.type), dimsIn(stated)];
    const clash = (dim: IrDim, index: number): boolean =>
      typeof dim === 'number' && typeof dims?.[index] === 'number' && dim !== dims[index];
    if (had && dims && (had.length !== dims.length || had.some(clash))) {
      owner.fail('BB302', {
        op: 'as',
        reason: `the value is ${formatType(fact.type)}, not [${dims.map((dim) => dim ?? '?').join(', ')}]`,
      });
    }
    // The graph keeps what it knew beyond what was stated; the author's value is as stated.
    const { type } = owner.editor.value(fact.id);
    owner.editor.setValue(fact.id, { type: narrowed(type, stated) });
    return toValue({ ...fact, type: known(fact.type, stated) }, owner);
  });
});

/** Whether what is known of two types' elements does not differ. */
function sameElements(a: ValueType | undefined, b: ValueType | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  if (a.kind === 'tensor' && b.kind === 'tensor')
    return a.dtype === undefined || b.dtype === undefined || a.dtype === b.dtype;
  if ((a.kind === 'sequence' || a.kind === 'optional') && a.kind === b.kind)
    return sameElements(a.elem, b.elem);
  return false;
}

/** As stated, but with a size where a name was stated and the size is known. */
function known(had: ValueType | undefined, stated: ValueType): ValueType {
  const dims = dimsIn(had);
  if (stated.kind !== 'tensor' || dims === undefined) return stated;
  const size = (dim: IrDim, index: number): IrDim =>
    typeof dim === 'string' && typeof dims[index] === 'number' ? dims[index] : dim;
  return { ...stated, dims: stated.dims?.map(size) };
}

/** What both types say together. */
function narrowed(had: ValueType | undefined, stated: ValueType): ValueType {
  if (had?.kind !== 'tensor' || stated.kind !== 'tensor' || had.dims === undefined) return stated;
  const dims = stated.dims?.map((dim, index) => {
    const before = had.dims![index]!;
    return dim === null || typeof before === 'number' ? before : dim;
  });
  return { ...stated, dims: dims ?? had.dims };
}
