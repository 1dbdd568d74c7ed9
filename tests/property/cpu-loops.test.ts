// The loops of the CPU backend that are written for float32, against the plain ones that take any numbers.

import { expect, test } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { isTensor } from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { multiplyAny } from '../../stdlib/backends/cpu/loops/matmul.ts';
import { multiplyFloat32 } from '../../stdlib/backends/cpu/loops/matmul-float32.ts';
import { generator } from '../../stdlib/backends/cpu/random.ts';
import { onnxOf } from '../support/onnx-text.ts';

const next = generator(7);
const draw = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
const numbers = (count: number): number[] => Array.from({ length: count }, () => next() * 2 - 1);

test.each([1, 2, 3, 5, 130])('products with %d rows are those of the plain loop', (m) => {
  for (const n of [1, 2, 15, 16, 17, 33]) {
    for (const k of [0, 1, 2, 7, 255, 256, 257, 513]) {
      const [atA, atB, atC, rowB, rowC] = [
        draw(0, 3),
        draw(0, 3),
        draw(0, 3),
        n + draw(0, 2),
        n + draw(0, 2),
      ];
      const size = { m, n, k, atA, atB, atC, rowB, rowC };
      const a = Float32Array.from(numbers(atA + m * k));
      const b = Float32Array.from(numbers(atB + k * rowB + rowB));
      const c = Float32Array.from(numbers(atC + m * rowC));
      const exact = Float64Array.from(c);
      multiplyAny(Float64Array.from(a), Float64Array.from(b), exact, size);
      multiplyFloat32(a, b, c, size);
      const worst = exact.reduce((most, one, at) => Math.max(most, Math.abs(one - c[at]!)), 0);
      expect(worst, JSON.stringify(size)).toBeLessThan(1e-5);
    }
  }
});

/** The output of one op in float32 and in float64, which goes through loops of its own. */
function bothTypes(
  op: string,
  inputs: readonly (readonly number[])[],
): [readonly number[], readonly number[]] {
  const values = inputs.map((dims) => ({
    dims,
    elements: Array.from(Float32Array.from(numbers(dims.reduce((count, dim) => count * dim, 1)))),
  }));
  const run = (dtype: 'float32' | 'float64', name: string): readonly number[] => {
    const parameters = values.map(({ dims }, at) => `${name}[${dims.join(', ')}] x${at}`);
    const given = values.map(
      ({ dims, elements }, at) => [`x${at}`, tensorFrom(dtype, [...dims], elements)] as const,
    );
    const text = `agraph (${parameters.join(', ')}) => (y) { y = ${op} (${values.map((_, at) => `x${at}`).join(', ')}) }`;
    const [y] = cpuBackend().loadModel(onnxOf(text)).run(new Map(given)).values();
    if (y === undefined || !isTensor(y)) throw new Error('no tensor');
    return [...y.dims, ...(elementsOf(y) as number[])];
  };
  return [run('float32', 'float'), run('float64', 'double')];
}

function expectClose(what: string, [single, double]: [readonly number[], readonly number[]]): void {
  expect(single.length, what).toBe(double.length);
  const worst = double.reduce((most, one, at) => Math.max(most, Math.abs(one - single[at]!)), 0);
  expect(worst, what).toBeLessThan(1e-4);
}

const list = (values: readonly number[]): string => `[${values.join(', ')}]`;

test('convolutions are those of float64: depthwise, with groups, with bias, of one to three axes', () => {
  for (let trial = 0; trial < 150; trial++) {
    const rank = draw(1, 3);
    const per = (from: number, to: number): number[] => Array.from({ length: rank }, () => draw(from, to));
    const [groups, perGroup, multiplier] = [draw(1, 4), draw(0, 2) === 0 ? draw(2, 3) : 1, draw(1, 3)];
    const kernel = per(1, 4);
    const [strides, dilations, pads] = [per(1, 3), per(1, 2), [...per(0, 2), ...per(0, 2)]];
    const dims = [
      draw(1, 2),
      groups * perGroup,
      ...kernel.map((size, axis) => (size - 1) * dilations[axis]! + draw(1, 9)),
    ];
    const filters = [groups * multiplier, perGroup, ...kernel];
    const op = `Conv <group = ${groups}, strides = ${list(strides)}, dilations = ${list(dilations)}, pads = ${list(pads)}>`;
    const inputs = [dims, filters, ...(trial % 2 === 0 ? [[filters[0]!]] : [])];
    expectClose(`${op} ${JSON.stringify(inputs)}`, bothTypes(op, inputs));
  }
});

test('a depthwise convolution of an image that is computed in bands is that of float64', () => {
  const op = 'Conv <group = 2, strides = [2, 1], pads = [1, 1, 1, 1]>';
  expectClose(
    op,
    bothTypes(op, [
      [1, 2, 301, 299],
      [2, 1, 3, 3],
    ]),
  );
});
