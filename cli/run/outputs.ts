// Outputs as `--json` and tables show them: their type, and a hash instead of their elements.

import { createHash } from 'node:crypto';
import { type DataValue, formatType, isTensor, tensorsOf, typeOfData } from '../../ir/index.ts';

/** Over the elements' bytes; of what is no tensor, over the type and size of each tensor in it, too. */
export function sha256Of(value: DataValue): string {
  const hash = createHash('sha256');
  if (isTensor(value)) return hash.update(value.bytes).digest('hex');
  for (const tensor of tensorsOf(value)) hash.update(`${typeTextOf(tensor)}\n`).update(tensor.bytes);
  return hash.digest('hex');
}

export const typeTextOf = (value: DataValue): string => formatType(typeOfData(value));

export const documentOfOutput = (value: DataValue) => ({
  ...(isTensor(value) ? { dtype: value.dtype, dims: value.dims } : { type: typeTextOf(value) }),
  sha256: sha256Of(value),
});
