// Rules with several forms, chosen by shape: each form against the definition, written out in loops.

import { expect, it } from 'vitest';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { formatDiagnostic, isTensor, type Tensor } from '../../ir/index.ts';
import { type Engine, modelOfBytes, onCpu, onOnnxRuntime } from '../support/converted.ts';
import { onnxOf } from '../support/onnx-text.ts';

const engines: readonly (readonly [string, Engine])[] = [
  ['the CPU backend', onCpu],
  ['ONNX Runtime', onOnnxRuntime],
];

const count = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);
/** Few different numbers, so that many are equal. */
const numbers = (dims: readonly number[], kinds: number): number[] =>
  Array.from({ length: count(dims) }, (_, at) => ((at * 7919 + (at >> 5) * 31) % kinds) - (kinds >> 1));

async function gradient(
  text: string,
  wrt: string,
  values: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>,
  engine: Engine,
): Promise<{ readonly elements: readonly number[]; readonly ops: readonly string[] }> {
  const { model, diagnostics } = gradModel(modelOfBytes('forms.onnx', onnxOf(text)), { wrt: [wrt] });
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const inputs = new Map(
    Object.entries(values).map(([name, [dims, elements]]) => [name, tensorFrom('float32', dims, elements)]),
  );
  const result = (await engine(model, inputs)).get(`grad_of_${wrt}`);
  if (result === undefined || !isTensor(result)) throw new Error('there is no gradient');
  return { elements: floats(result), ops: [...model.allOps()].map(({ type }) => type) };
}
const floats = ({ bytes }: Tensor): readonly number[] => [...new Float32Array(bytes.slice().buffer)];

/** To the first of the largest elements, row by row. */
function poolGradient(
  x: readonly number[],
  dy: readonly number[],
  [n, c, h, w]: readonly number[],
  kernel: readonly number[],
): number[] {
  const dx = x.map(() => 0);
  const [kh, kw] = kernel as [number, number];
  let at = 0;
  for (let image = 0; image < n! * c!; image++) {
    for (let top = 0; top + kh <= h!; top += kh) {
      for (let left = 0; left + kw <= w!; left += kw) {
        let best = image * h! * w! + top * w! + left;
        for (let row = 0; row < kh; row++) {
          for (let column = 0; column < kw; column++) {
            const here = image * h! * w! + (top + row) * w! + left + column;
            if (x[here]! > x[best]!) best = here;
          }
        }
        dx[best]! += dy[at++]!;
      }
    }
  }
  return dx;
}

const pools: readonly (readonly [
  name: string,
  declared: string,
  dims: readonly number[],
  kernel: readonly number[],
])[] = [
  ['two by two, large', '2,8,32,32', [2, 8, 32, 32], [2, 2]],
  ['two by two, large, of an unknown batch', 'N,8,32,32', [2, 8, 32, 32], [2, 2]],
  ['one by two, large', '2,8,16,32', [2, 8, 16, 32], [1, 2]],
  ['two by one, of unknown channels', '2,C,32,16', [2, 8, 32, 16], [2, 1]],
  ['two by two, small', '2,3,4,6', [2, 3, 4, 6], [2, 2]],
  ['two by two, a row and a column left over', '2,8,33,33', [2, 8, 33, 33], [2, 2]],
  ['three by three', '1,4,9,9', [1, 4, 9, 9], [3, 3]],
  ['two by two, of unknown size', 'N,C,H,W', [2, 3, 8, 8], [2, 2]],
];

it.each(engines)('a max pool gives to the first of the largest, row by row, on %s', async (_, engine) => {
  for (const [name, declared, dims, kernel] of pools) {
    for (const rectified of [false, true]) {
      const text = `pool (float[${declared}] x) => (float y) {
        a = ${rectified ? 'Relu' : 'Identity'} (x)
        y = MaxPool <kernel_shape = [${kernel}], strides = [${kernel}]> (a)
      }`;
      const x = numbers(dims, 5);
      const outs = [dims[0]!, dims[1]!, Math.floor(dims[2]! / kernel[0]!), Math.floor(dims[3]! / kernel[1]!)];
      const dy = numbers(outs, 1009);
      const { elements } = await gradient(text, 'x', { x: [dims, x], grad_of_y: [outs, dy] }, engine);
      const shown = rectified ? x.map((one) => Math.max(one, 0)) : x;
      const expected = poolGradient(shown, dy, dims, kernel).map((one, at) =>
        !rectified || x[at]! > 0 ? one : 0,
      );
      const far = elements.findIndex((one, at) => one !== expected[at]);
      expect(`${name}: ${far}`).toBe(`${name}: -1`);
    }
  }
});

interface Convolution {
  readonly name: string;
  readonly x: readonly number[];
  readonly k: readonly number[];
  readonly declared?: string;
  readonly stride?: number;
  readonly dilation?: number;
  readonly pad?: number;
  readonly group?: number;
}
const convolutions: readonly Convolution[] = [
  { name: 'padded', x: [4, 8, 20, 20], k: [16, 8, 3, 3], pad: 1 },
  { name: 'of an unknown batch', x: [2, 4, 20, 20], k: [16, 4, 3, 3], declared: 'N,4,20,20' },
  { name: 'of unknown size', x: [2, 4, 12, 12], k: [8, 4, 3, 3], declared: 'N,4,H,W' },
  { name: 'with strides that leave a rest', x: [8, 8, 22, 22], k: [16, 8, 3, 3], stride: 2 },
  { name: 'dilated, in groups', x: [8, 8, 24, 24], k: [32, 4, 3, 3], dilation: 2, group: 2, pad: 2 },
  { name: 'of single points', x: [8, 16, 24, 24], k: [32, 16, 1, 1] },
  { name: 'of single points, with strides', x: [8, 16, 32, 32], k: [32, 16, 1, 1], stride: 2 },
  { name: 'small', x: [1, 2, 5, 5], k: [3, 2, 3, 3] },
];

function kernelGradient(
  of: Convolution,
  x: readonly number[],
  dy: readonly number[],
  outs: readonly number[],
): number[] {
  const { k, x: dims, stride = 1, dilation = 1, pad = 0, group = 1 } = of;
  const [samples, channels, height, width] = dims as [number, number, number, number];
  const [outputs, perGroup, rows, columns] = k as [number, number, number, number];
  const [, , high, wide] = outs as [number, number, number, number];
  const dk = new Array<number>(count(k)).fill(0);
  for (let n = 0; n < samples; n++)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < perGroup; c++)
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) {
            const channel = Math.floor((o * group) / outputs) * perGroup + c;
            let sum = 0;
            for (let top = 0; top < high; top++) {
              const row = top * stride + i * dilation - pad;
              if (row < 0 || row >= height) continue;
              for (let left = 0; left < wide; left++) {
                const column = left * stride + j * dilation - pad;
                if (column < 0 || column >= width) continue;
                sum +=
                  x[((n * channels + channel) * height + row) * width + column]! *
                  dy[((n * outputs + o) * high + top) * wide + left]!;
              }
            }
            dk[((o * perGroup + c) * rows + i) * columns + j]! += sum;
          }
  return dk;
}

it.each(engines)('a convolution gives its kernel the sum over positions, on %s', async (_, engine) => {
  for (const one of convolutions) {
    const { name, x: dims, k, declared = dims.join(), stride = 1, dilation = 1, pad = 0, group = 1 } = one;
    const text = `conv (float[${declared}] x, float[${k}] k) => (float y) {
      y = Conv <strides = [${stride}, ${stride}], dilations = [${dilation}, ${dilation}], pads = [${pad}, ${pad}, ${pad}, ${pad}], group = ${group}> (x, k)
    }`;
    const size = (axis: number): number =>
      Math.floor((dims[axis]! + 2 * pad - (k[axis]! - 1) * dilation - 1) / stride) + 1;
    const outs = [dims[0]!, k[0]!, size(2), size(3)];
    const [x, dy] = [numbers(dims, 7), numbers(outs, 11)];
    const values = { x: [dims, x], k: [k, numbers(k, 3)], grad_of_y: [outs, dy] } as const;
    const { elements } = await gradient(text, 'k', values, engine);
    // Whole numbers: sums are exact in any order.
    const expected = kernelGradient(one, x, dy, outs);
    const far = elements.findIndex((value, at) => value !== expected[at]);
    expect(`${name}: ${far}`).toBe(`${name}: -1`);
  }
});
