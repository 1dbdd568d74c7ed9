// Products of matrices and their generalisation.

import type { Dim, Shape } from '../../../ir/types.ts';
import { broadcast, Contradiction, formatDims, unifyDim } from '../dims.ts';
import type { OpView } from '../view.ts';
import type { ShapeRule } from './rule.ts';

function matmul(a: Shape, b: Shape): Shape {
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0) throw new Contradiction('a scalar is no factor of a matrix product');
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  sameInner(left.at(-1)!, right.at(-2)!, a, b);
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)])!;
  return [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])];
}

function sameInner(left: Dim, right: Dim, a: Shape, b: Shape): void {
  if (typeof left === 'number' && typeof right === 'number' && left !== right) {
    throw new Contradiction(
      `inner dimensions differ: ${left} and ${right} (${formatDims(a)} times ${formatDims(b)})`,
    );
  }
}

function gemm(op: OpView): Shape {
  const [a, b] = [op.dims(0), op.dims(1)];
  for (const dims of [a, b]) {
    if (dims !== undefined && dims.length !== 2) {
      throw new Contradiction(`Gemm multiplies matrices, not ${formatDims(dims)}`);
    }
  }
  const [rows, innerA] = op.int('transA', 0) ? [a?.[1], a?.[0]] : [a?.[0], a?.[1]];
  const [innerB, columns] = op.int('transB', 0) ? [b?.[1], b?.[0]] : [b?.[0], b?.[1]];
  sameInner(innerA ?? null, innerB ?? null, a, b);
  return [rows ?? null, columns ?? null];
}

/** Letters are axes; "..." are the leading axes, broadcast. */
function einsum(op: OpView): Shape {
  const equation = (op.string('equation') ?? '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const sizes = new Map<string, Dim>();
  const ellipses: Shape[] = [];
  const terms = left.split(',');
  if (terms.length !== op.inputCount) {
    throw new Contradiction(`the equation ${equation} has ${terms.length} terms for ${op.inputCount} inputs`);
  }
  for (const [index, term] of terms.entries()) {
    const dims = op.dims(index);
    if (dims === undefined) return undefined;
    const [before, after] = term.includes('...') ? (term.split('...') as [string, string]) : [term, ''];
    const hidden = dims.length - before.length - after.length;
    if (hidden < 0 || (hidden > 0 && !term.includes('...'))) {
      throw new Contradiction(`term ${term} of the equation does not fit ${formatDims(dims)}`);
    }
    ellipses.push(dims.slice(before.length, before.length + hidden));
    const named = [...dims.slice(0, before.length), ...dims.slice(before.length + hidden)];
    [...(before + after)].forEach((letter, at) => {
      const [old, dim] = [sizes.get(letter), named[at]!];
      sizes.set(letter, old === undefined || old === 1 ? dim : dim === 1 ? old : unifyDim(old, dim));
    });
  }
  const letters = right ?? implicitOutput(left);
  const parts = letters.includes('...') ? letters.split('...') : ['', letters];
  const dimsOf = (text: string): Dim[] => [...text].map((letter) => sizes.get(letter) ?? null);
  const middle = letters.includes('...') ? broadcast(ellipses)! : [];
  return [...dimsOf(parts[0]!), ...middle, ...dimsOf(parts[1]!)];
}

/** Without "->": the ellipsis, then the letters that occur once, in alphabetical order. */
function implicitOutput(left: string): string {
  const letters = [...left.replace(/[.,]/g, '')];
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return (left.includes('...') ? '...' : '') + once.join('');
}

export const linearShapes: Record<string, ShapeRule> = {
  MatMul: (op) => [matmul(op.dims(0), op.dims(1))],
  MatMulInteger: (op) => [matmul(op.dims(0), op.dims(1))],
  QLinearMatMul: (op) => [matmul(op.dims(0), op.dims(3))],
  Gemm: (op) => [gemm(op)],
  Einsum: (op) => [einsum(op)],
  Det: (op) => {
    const dims = op.dims(0);
    if (dims !== undefined) sameInner(dims.at(-1)!, dims.at(-2)!, dims, dims);
    return [dims?.slice(0, -2)];
  },
};
