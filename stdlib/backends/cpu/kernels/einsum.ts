// Einsum: products of operands, summed over the labels that the result does not have.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { product, sameDims, stridesOf } from '../loops/shape.ts';
import { eachIndex } from '../loops/windows.ts';
import { allocate, familyOf, type NdArray, ndarray, settled, sizeOf } from '../value.ts';
import { matMul } from './matmul.ts';
import { transposed } from './movement.ts';

interface Term {
  readonly x: NdArray;
  /** A label per axis; axes under an ellipsis are called `.0`, `.1` from the last. */
  readonly labels: readonly string[];
}

/** The labels of one part of the equation, `rank` axes long where that is known. */
function labelsOf(part: string, hidden: number): string[] {
  const [before = '', after] = part.split('...');
  if (after === undefined) return [...before];
  return [...before, ...Array.from({ length: hidden }, (_, at) => `.${hidden - 1 - at}`), ...after];
}

function parse(equation: string, operands: readonly NdArray[]): { terms: Term[]; output: string[] } {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const parts = left.split(',');
  if (parts.length !== operands.length)
    throw new Invalid(
      `${JSON.stringify(equation)} is of ${parts.length} operands, not of ${operands.length}`,
    );
  let widest = 0;
  const terms = parts.map((part, at): Term => {
    const x = operands[at]!;
    const hidden = part.includes('...') ? x.dims.length - (part.length - 3) : 0;
    widest = Math.max(widest, hidden);
    const labels = hidden < 0 ? [] : labelsOf(part, hidden);
    if (labels.length !== x.dims.length)
      throw new Invalid(`${JSON.stringify(part)} for an operand of rank ${x.dims.length}`);
    return { x, labels };
  });
  if (right !== undefined) return { terms, output: labelsOf(right, widest) };
  const letters = [...left].filter((letter) => /[a-zA-Z]/.test(letter));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return { terms, output: [...labelsOf('...', widest), ...once.sort()] };
}

function sizesOf(terms: readonly Term[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { x, labels } of terms) {
    labels.forEach((label, axis) => {
      const [known, size] = [sizes.get(label) ?? 1, x.dims[axis]!];
      if (known !== 1 && size !== 1 && known !== size)
        throw new Invalid(`label ${label} is ${known} and ${size} long`);
      sizes.set(label, known === 1 ? size : known);
    });
  }
  return sizes;
}

/** Elements between neighbours along each label; a label that is there twice walks the diagonal. */
function stridesAlong({ x, labels }: Term, along: readonly string[]): number[] {
  const own = stridesOf(x.dims);
  return along.map((label) =>
    labels.reduce((sum, one, axis) => (one === label && x.dims[axis] !== 1 ? sum + own[axis]! : sum), 0),
  );
}

/** For each index over `dims`, where every term stands. */
function offsets(dims: readonly number[], strides: readonly (readonly number[])[]): readonly Float64Array[] {
  const count = product(dims);
  const found = strides.map(() => new Float64Array(count));
  eachIndex(dims, (index, at) => {
    for (let term = 0; term < strides.length; term++) {
      let sum = 0;
      for (let axis = 0; axis < dims.length; axis++) sum += index[axis]! * strides[term]![axis]!;
      found[term]![at] = sum;
    }
  });
  return found;
}

function einsum(op: OpContext, ...operands: NdArray[]): NdArray {
  const dtype = operands[0]!.dtype;
  const family = familyOf(dtype);
  if (family !== 'float' && family !== 'int' && family !== 'bigint') throw new Unsupported(dtype);
  const { terms, output } = parse(op.string('equation', ''), operands);
  const sizes = sizesOf(terms);
  const missing = output.find((label) => !sizes.has(label));
  if (missing !== undefined) throw new Invalid(`no operand has the label ${missing}`);
  const summed = [...sizes.keys()].filter((label) => !output.includes(label));
  const lengths = (labels: readonly string[]): number[] => labels.map((label) => sizes.get(label)!);
  const asMatrices = products(terms, output, lengths);
  if (asMatrices !== undefined) return asMatrices;
  const walk = (labels: readonly string[]): readonly Float64Array[] =>
    offsets(
      lengths(labels),
      terms.map((term) => stridesAlong(term, labels)),
    );
  const [outer, inner] = [walk(output), walk(summed)];
  const count = product(lengths(summed));
  const out = allocate(dtype, sizeOf(lengths(output)));
  const factors = terms.map(({ x }) => x.data as unknown as ArrayLike<number>);
  const exact = family === 'bigint';
  for (let at = 0; at < out.length; at++) {
    let sum = (exact ? 0n : 0) as number;
    for (let n = 0; n < count; n++) {
      let one = (exact ? 1n : 1) as number;
      for (let term = 0; term < factors.length; term++)
        one *= factors[term]![outer[term]![at]! + inner[term]![n]!]!;
      sum += one;
    }
    out[at] = sum;
  }
  return settled(dtype, lengths(output), out);
}

/**
 * Two operands as batches of matrices; undefined where one of them has a label alone that is summed, or twice, or is
 * repeated.
 */
function products(
  terms: readonly Term[],
  output: readonly string[],
  lengths: (labels: readonly string[]) => number[],
): NdArray | undefined {
  const [left, right] = terms as [Term, Term];
  if (terms.length !== 2 || left.x.dtype !== right.x.dtype) return undefined;
  const isWhole = ({ x, labels }: Term): boolean =>
    new Set(labels).size === labels.length && sameDims(x.dims, lengths(labels));
  if (!isWhole(left) || !isWhole(right) || new Set(output).size !== output.length) return undefined;
  const inBoth = left.labels.filter((label) => right.labels.includes(label));
  const batch = inBoth.filter((label) => output.includes(label));
  const summed = inBoth.filter((label) => !output.includes(label));
  const [rows, columns] = [left, right].map(({ labels }) =>
    labels.filter((one) => !inBoth.includes(one)),
  ) as [string[], string[]];
  if ([...rows, ...columns].some((label) => !output.includes(label))) return undefined;
  const parts = [batch, rows, columns, summed].map((labels) => product(lengths(labels))) as [
    number,
    number,
    number,
    number,
  ];
  const [count, m, n, k] = parts;
  const turned = ({ x, labels }: Term, order: readonly string[], dims: readonly number[]): NdArray =>
    ndarray(
      x.dtype,
      dims,
      transposed(
        x,
        order.map((label) => labels.indexOf(label)),
      ).data,
    );
  const a = turned(left, [...batch, ...rows, ...summed], [count, m, k]);
  const b = turned(right, [...batch, ...summed, ...columns], [count, k, n]);
  const made = [...batch, ...rows, ...columns];
  const whole = ndarray(left.x.dtype, lengths(made), matMul(a, b).data);
  return transposed(
    whole,
    output.map((label) => made.indexOf(label)),
  );
}

export const sums = kernels('', { Einsum: einsum });
