// Segments that compute nothing: zeros of the types that they state, and true, so that what goes on while something holds
// goes on. For simulations in which values do not matter.

import type { DataValue } from '../../../ir/data.ts';
import { isTensor } from '../../../ir/data.ts';
import { type Port, typeOfPort } from '../../../ir/deployment.ts';
import type { RoleName } from '../../../ir/roles/table.ts';
import { evaluateSize } from '../../../ir/size.ts';
import { byteLengthOf, packStrings, type ValueType } from '../../../ir/types.ts';
import type { LoadedSegment } from '../../backend.ts';
import type { LoadedBundle } from '../../bundle.ts';
import type { ComponentCall, Components } from '../../component.ts';
import { segmentModels } from '../../segment-model.ts';
import type { Segments } from '../segments.ts';

/** Of a size that nothing tells. */
const OPEN_SIZE = 1;

export function modelledSegments(bundle: LoadedBundle): Segments {
  const segments = new Map<string, LoadedSegment>();
  for (const [name, { inputs, outputs }] of segmentModels(bundle))
    segments.set(name, {
      async run(values) {
        const sizes = sizesIn(inputs, values);
        return outputs.map((port) => zeros(typeOfPort(port), sizes));
      },
      release: async () => {},
    });
  return segments;
}

/** Answers any call with zeros, of as many rows as are asked for. */
export const modelledComponents = ({ manifest }: LoadedBundle): Components =>
  Object.fromEntries(
    manifest.slots
      .filter(({ role }) => role !== 'backend')
      .map(({ component, role }) => [
        component,
        {
          role,
          misfit: () => undefined,
          call: async (call: ComponentCall) => {
            const rows = rowsAsked(role, call);
            return call.results.map((port) => zeros(typeOfPort(port), new Map(), rows));
          },
        },
      ]),
  );

/** The only method that is told how many rows it gives is a data source's Batch. */
function rowsAsked(role: RoleName, { method, inputs: [, size] }: ComponentCall): number {
  if (role !== 'data_source' || method !== 'Batch' || !isTensor(size!)) return OPEN_SIZE;
  return Number(new DataView(size.bytes.buffer, size.bytes.byteOffset).getBigInt64(0, true));
}

/** What the inputs' named dimensions are this time. */
export function sizesIn(ports: readonly Port[], values: readonly DataValue[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [index, { shape }] of ports.entries()) {
    const value = values[index];
    if (value === undefined || !isTensor(value)) continue;
    for (const [axis, dim] of (shape ?? []).entries())
      if (typeof dim === 'string') sizes.set(dim, value.dims[axis] ?? OPEN_SIZE);
  }
  return sizes;
}

function zeros(type: ValueType | undefined, sizes: ReadonlyMap<string, number>, open = OPEN_SIZE): DataValue {
  if (type?.kind === 'sequence') return { kind: 'sequence', values: [] };
  if (type?.kind === 'optional') return { kind: 'optional', value: null };
  const dtype = (type?.kind === 'tensor' ? type.dtype : undefined) ?? 'float32';
  const shape = type?.kind === 'tensor' ? (type.dims ?? []) : [];
  const dims = shape.map(
    (dim) => (dim === null ? undefined : evaluateSize(dim, (name) => sizes.get(name))) ?? open,
  );
  const count = dims.reduce((product, dim) => product * dim, 1);
  const bytes =
    dtype === 'string'
      ? packStrings(Array.from({ length: count }, () => ''))
      : new Uint8Array(byteLengthOf(dtype, count) ?? 0).fill(dtype === 'bool' ? 1 : 0);
  return { dtype, dims, bytes };
}
