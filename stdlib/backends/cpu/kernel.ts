// What a kernel is, and how to write one.
//
// A kernel computes one operator of one domain, in the versions its table says: it takes the op (attributes,
// opset, which outputs are wanted) and the inputs, and returns the output, or the list of outputs where there
// are several. Tables of kernels are families, one file each in kernels/; kernels/index.ts joins them:
//
//   export const bits = kernels('', {
//     BitwiseNot: (op, x) => …,                       // every opset
//     ReduceSum: since([1, byAttribute], [13, byInput]),    // from opset 1, from opset 13
//   });
//
// `kernels` is for operators on tensors; `valueKernels` for those that take sequences, optionals or maps.
//
// Rules:
// - Inputs are only read; outputs may share an input's memory (Reshape, Identity). An omitted optional input is
//   undefined, also at the end of the list.
// - Element types: take what `familyOf` (value.ts) tells apart and throw `new Unsupported(dtype)` for the others:
//   the executor makes it a diagnostic that names the op, its domain, its version and the type. The loops in
//   loops/ do so by themselves for families without a function. Never compute in a type you did not think of.
// - Results of narrow types (float16, int4 …) are computed in their wide arrays and `settled` (value.ts): rounded
//   once, at the end. Products are summed in float64 for float16 to float64 (small kernels) or in float32 (MatMul, Conv), as the
//   kernel says; what is stored has the output's type. Integers wrap.
// - Bad shapes and attributes throw `new Invalid('what is wrong')`.
// - Loops come from loops/: `unary`, `binary` (broadcast), `copyStrided` (movement), `reduceAxes`, `windows`. A loop over
//   elements inside a kernel reads plain typed arrays, never closures per element where the tensors are large.
// - Operators with subgraphs call `op.body('body', inputs)`; captured values are already bound.

import type { DType } from '../../../ir/types.ts';
import type { NdArray, Value } from './value.ts';

export interface DeclaredType {
  readonly dtype: DType;
  /** 0 where the size is not a number. */
  readonly dims: readonly number[];
}

/** What a kernel knows about its op. Defaults of attributes are the kernel's: schemas are not loaded. */
export interface OpContext {
  /** "" is the standard domain. */
  readonly domain: string;
  readonly type: string;
  /** Version of the op's domain that the model imports. */
  readonly opset: number;
  /** How many outputs there are to give, omitted ones included. */
  readonly outputs: number;
  /** Whether the output at `index` is there and not omitted. */
  wants(index: number): boolean;
  has(attribute: string): boolean;
  int(attribute: string): number | undefined;
  int(attribute: string, fallback: number): number;
  float(attribute: string): number | undefined;
  float(attribute: string, fallback: number): number;
  string(attribute: string): string | undefined;
  string(attribute: string, fallback: string): string;
  ints(attribute: string): readonly number[] | undefined;
  ints(attribute: string, fallback: readonly number[]): readonly number[];
  /** Exact 64-bit integers, of a list or a single attribute. */
  bigints(attribute: string): readonly bigint[] | undefined;
  floats(attribute: string): readonly number[] | undefined;
  strings(attribute: string): readonly string[] | undefined;
  tensor(attribute: string): NdArray | undefined;
  tensors(attribute: string): readonly NdArray[] | undefined;
  /** The element type that a `to` or `dtype` attribute names. */
  dtype(attribute: string): DType | undefined;
  /** The TypeProto bytes of a type attribute, for Optional. */
  typeBytes(attribute: string): Uint8Array | undefined;
  /**
   * Numbers drawn evenly from [0, 1), the same for the same `seed` (of the attribute of that name). Constant folding
   * refuses ops that ask for them.
   */
  random(seed: number | undefined): () => number;
  /** Runs the subgraph in an attribute. */
  body(attribute: string, inputs: readonly (Value | undefined)[]): readonly Value[];
  /** The type of a tensor that the subgraph in an attribute declares as output; undefined without element type or rank. */
  bodyOutput(attribute: string, index: number): DeclaredType | undefined;
}

export type Results = Value | readonly (Value | undefined)[];
export type Kernel = (op: OpContext, ...inputs: readonly (Value | undefined)[]) => Results;
/** With the versions from which each counts, ascending. */
export type Versions<K> = readonly (readonly [since: number, kernel: K])[];
export interface KernelFamily {
  readonly domain: string;
  readonly kernels: Readonly<Record<string, Kernel | Versions<Kernel>>>;
}

/** A kernel over tensors. Declares what it takes: `(op, x, axes?)`; those after the first may be undefined. */
type TensorKernel = (op: OpContext, ...inputs: never[]) => Results;
type CheckedKernel = (op: OpContext, ...inputs: readonly (NdArray | undefined)[]) => Results;

/** The kernel does not take this element type. */
export class Unsupported extends Error {
  readonly dtype: string;
  constructor(dtype: string) {
    super(`no kernel takes ${dtype}`);
    this.dtype = dtype;
  }
}
/** The op cannot be computed on these inputs: says why. */
export class Invalid extends Error {}

export const since = <K>(...versions: Versions<K>): Versions<K> => versions;

/** A family of operators on tensors: anything else is refused before the kernel sees it. */
export function kernels(
  domain: string,
  table: Readonly<Record<string, TensorKernel | Versions<TensorKernel>>>,
): KernelFamily {
  const checked =
    (kernel: TensorKernel): Kernel =>
    (op, ...inputs) => {
      for (const input of inputs)
        if (input !== undefined && input.kind !== 'tensor') throw new Unsupported(input.kind);
      return (kernel as CheckedKernel)(op, ...(inputs as (NdArray | undefined)[]));
    };
  return valueKernels(
    domain,
    Object.fromEntries(
      Object.entries(table).map(([name, entry]) => [
        name,
        typeof entry === 'function'
          ? checked(entry)
          : entry.map(([from, kernel]) => [from, checked(kernel)] as const),
      ]),
    ),
  );
}

/** A family of operators on any values. */
export const valueKernels = (domain: string, table: KernelFamily['kernels']): KernelFamily => ({
  domain,
  kernels: table,
});

export type FindKernel = (domain: string, type: string, opset: number) => Kernel | undefined;

/** Looks kernels up in families; of two for one operator the later counts. */
export function kernelFinder(families: readonly KernelFamily[]): FindKernel {
  const tables = new Map<string, Map<string, Kernel | Versions<Kernel>>>();
  for (const { domain, kernels: table } of families) {
    const known = tables.get(domain) ?? new Map<string, Kernel | Versions<Kernel>>();
    for (const [name, entry] of Object.entries(table)) known.set(name, entry);
    tables.set(domain, known);
  }
  return (domain, type, opset) => {
    const entry = tables.get(domain)?.get(type);
    if (entry === undefined || typeof entry === 'function') return entry;
    return entry.findLast(([from]) => from <= opset)?.[1];
  };
}
