// Records that are in memory already.

import { byteLengthOf, memorySource, type Tensor, unpackStrings } from '../../ir/index.ts';
import { columnOfBytes, columnOfTexts, type Source, sourceOfColumns } from './source.ts';

/**
 * A source over tensors whose first axis counts records: `arrays({ image, label })`. It keeps them; they must not
 * change. Throws RangeError if their first axes differ, or one holds parts of bytes or several texts a record.
 */
export function arrays(fields: Readonly<Record<string, Tensor>>, name = 'arrays'): Source {
  const entries = Object.entries(fields);
  const count = entries[0]?.[1].dims[0] ?? 0;
  const columns = entries.map(([field, { dtype, dims, bytes }]) => {
    if (dims[0] !== count)
      throw new RangeError(`${name}: ${field} has ${dims[0] ?? 0} records, others have ${count}`);
    if (dtype === 'string' && dims.length === 1) return columnOfTexts(field, unpackStrings(bytes, count));
    // Types of less than a byte have no size for one element.
    if (byteLengthOf(dtype, 1) !== byteLengthOf(dtype, 2)! / 2)
      throw new RangeError(`${name}: ${field} holds ${dtype}, whose records do not begin at bytes`);
    return columnOfBytes({ name: field, dtype, dims: dims.slice(1) }, memorySource(name, bytes));
  });
  return sourceOfColumns(name, count, columns);
}
