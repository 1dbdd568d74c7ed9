// Sizes to compare costs by, where the model leaves them open.
//
// A convolution over an image of unknown size has no cost of its own, and counting its unknown dimensions as 1
// makes the late, narrow layers look like all the work. So we ask inference what the sizes would be for inputs
// of a usual size. The answer serves only estimates; the model keeps the types it has.

import { type Dim, hasErrors, type Model, type ValueType } from '../ir/index.ts';
import { inferModel } from './infer/infer.ts';

/** Of a dimension other than the first: divisible by the strides that models multiply up to. */
const NOMINAL_SIZE = 320;

/** The model with every open dimension of its inputs at a nominal size, as far as inference agrees. */
export function nominalModel(model: Model): Model {
  const open = model.mainGraph.inputs.filter((id) => !isClosed(model.value(id).type));
  if (open.length === 0) return model;
  const editor = model.edit();
  const sizes = new Map<string, number>();
  for (const id of open) {
    const { type } = model.value(id);
    if (type?.kind === 'tensor') editor.setValue(id, { type: { ...type, dims: close(type.dims, sizes) } });
  }
  // What was inferred from the open sizes would contradict the nominal ones.
  for (const value of model.allValues()) {
    if (value.def.kind === 'op' && !isClosed(value.type)) editor.setValue(value.id, { type: undefined });
  }
  const { model: inferred, diagnostics } = inferModel(editor.finish());
  return hasErrors(diagnostics) ? model : inferred;
}

function isClosed(type: ValueType | undefined): boolean {
  return type?.kind === 'tensor' && type.dims?.every((dim) => typeof dim === 'number') === true;
}

/** The first dimension is a batch of one by custom; a name has one size wherever it stands. */
function close(dims: readonly Dim[] | undefined, sizes: Map<string, number>): readonly Dim[] | undefined {
  return dims?.map((dim, index) => {
    if (typeof dim === 'number') return dim;
    const size = index === 0 ? 1 : NOMINAL_SIZE;
    if (dim === null) return size;
    if (!sizes.has(dim)) sizes.set(dim, size);
    return sizes.get(dim)!;
  });
}
