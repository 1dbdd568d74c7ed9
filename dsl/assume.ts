// What the author knows of a type and nobody else does.

import { type DType, formatType, type Dim as IrDim, tensorType } from '../ir/index.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { recorder } from './recorder.ts';
import type { Dim, PlaceOf, Tensor, Value } from './types.ts';
import { defineMethod, factOf, type Handle, toValue } from './value.ts';

export interface ShapeMethods {
  /**
   * States dtype and shape where types do not tell, as for results of imported models. Records nothing.
   * Fails (BB307, BB302) if the recording knows otherwise.
   */
  as<V extends Tensor, const D extends DType, const S extends readonly Dim[]>(
    this: V,
    dtype: D,
    shape: S,
  ): Value<D, [...S], PlaceOf<V>>;
}

defineMethod('as', function as(this: Handle, dtype: DType, shape: readonly Dim[]) {
  const owner = recorder('as');
  return owner.call(as, () => {
    const fact = factOf(this, 'as');
    const known = dtypeIn(fact.type);
    if (
      (fact.type !== undefined && fact.type.kind !== 'tensor') ||
      (known !== undefined && known !== dtype)
    ) {
      owner.fail('BB307', { op: 'as', reason: `the value is ${formatType(fact.type)}, not ${dtype}` });
    }
    const dims = dimsIn(fact.type);
    const clash = (dim: IrDim, index: number): boolean =>
      typeof dim === 'number' && typeof shape[index] === 'number' && dim !== shape[index];
    if (dims !== undefined && (dims.length !== shape.length || dims.some(clash))) {
      owner.fail('BB302', {
        op: 'as',
        reason: `the value is ${formatType(fact.type)}, not [${shape.join(', ')}]`,
      });
    }
    const type = tensorType(
      dtype,
      shape.map((dim, index) => (typeof dims?.[index] === 'number' ? dims[index] : dim)),
    );
    owner.editor.setValue(fact.id, { type });
    return toValue({ ...fact, type }, owner);
  });
});
