// The backends there are, and what each takes and gives at the boundary of a segment: facts that decide where a
// graph may be cut.

import { type DType, dtypes, type ValueType } from './types.ts';

export interface Boundary {
  /** Element types that enter and leave, in containers too. */
  readonly dtypes: ReadonlySet<DType>;
  /** What enters and leaves besides dense tensors. */
  readonly containers: ReadonlySet<ValueType['kind']>;
  /**
   * It has few float16 kernels, computes on in float32 from op to op, and rounds only what leaves a segment or is
   * merely moved.
   */
  readonly widensFloat16: boolean;
  /** It folds constants into the weights of the product before them, when it loads a segment. */
  readonly foldsProducts: boolean;
}

const onnxruntime: Boundary = {
  // Of its JavaScript interface, on every platform.
  dtypes: new Set<DType>([
    'float32',
    'float64',
    'float16',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'bool',
    'string',
  ]),
  containers: new Set(),
  widensFloat16: true,
  foldsProducts: true,
};

const cpu: Boundary = {
  dtypes: new Set(dtypes),
  containers: new Set(['sequence', 'optional', 'sparse'] as const),
  widensFloat16: false,
  foldsProducts: false,
};

/** By the name that a topology gives. */
const backends: ReadonlyMap<string, Boundary> = new Map([
  ['onnxruntime', onnxruntime],
  ['cpu', cpu],
]);

export const isBackend = (name: string): boolean => backends.has(name);

/** What all of these backends take and give. One that is not known is taken for the narrowest. */
export function commonBoundary(names: Iterable<string>): Boundary {
  const all = [...names].map((name) => backends.get(name) ?? onnxruntime);
  const [first = cpu, ...others] = new Set(all);
  return others.reduce(
    (a, b): Boundary => ({
      dtypes: new Set([...a.dtypes].filter((dtype) => b.dtypes.has(dtype))),
      containers: new Set([...a.containers].filter((kind) => b.containers.has(kind))),
      widensFloat16: a.widensFloat16 || b.widensFloat16,
      foldsProducts: a.foldsProducts || b.foldsProducts,
    }),
    first,
  );
}

/**
 * Whether a value of this type may pass the boundary. What is not known enough may be anything: a value of unknown
 * type a map, a tensor of unknown element type one of any.
 */
export function mayPass(boundary: Boundary, type: ValueType | undefined): boolean {
  switch (type?.kind) {
    case 'tensor':
      return takesElements(boundary, type.dtype);
    case 'sparse':
      return boundary.containers.has(type.kind) && takesElements(boundary, type.dtype);
    case 'sequence':
    case 'optional':
      return boundary.containers.has(type.kind) && mayPass(boundary, type.elem);
    default:
      return false;
  }
}

const takesElements = ({ dtypes: known }: Boundary, dtype: DType | undefined): boolean =>
  dtype === undefined ? known.size === dtypes.length : known.has(dtype);
