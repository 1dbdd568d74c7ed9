// What strategies are compared on: handwritten digits, of which every member has other kinds than the next, and networks that
// are small enough for a hundred members in one process.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { float32, int64, type Tensor, uint8 } from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { averagePool2d, batchNorm, flatten, linear, relu, sequential } from '../../dsl/nn/index.ts';
import { memorySource, type Sharding } from '../../ir/index.ts';
import type { Component } from '../../runtime/index.ts';
import { dataComponent, idx, type Source, select, shards } from '../../stdlib/data/index.ts';
import {
  type CutTask,
  cutTaskOf,
  type Scalar,
  type Task,
  taskOf,
  type UTask,
  uTaskOf,
  type Weights,
} from '../../stdlib/strategies/index.ts';

export const KINDS = 10;
/** Records of a kind in the test part, where each kind follows the one before. */
export const OF_A_KIND = 100;
/** Of 28 × 28 pixels four are taken for one. */
const [PIXELS, HIDDEN] = [14 * 14, 32];

type Images = Tensor<'uint8'>;

export interface Network {
  readonly task: (seed: number) => Task;
  /** A number for each kind. */
  readonly logits: (weights: Weights, image: Images) => Tensor<'float32'>;
}

const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;
const shrunk = sequential(averagePool2d(2), flatten());
const pixels = (image: Images) =>
  shrunk({})(image.cast({ to: float32 }).div(255).as(float32, [null, 1, 28, 28]));

const [hidden, out] = [linear({ in: PIXELS, out: HIDDEN }), linear({ in: HIDDEN, out: KINDS })];
const first = sequential(['hidden', hidden], relu());
const rest = sequential(['out', out]);
const whole = sequential(['hidden', hidden], relu(), ['out', out]);

/** 196 - 32 - 10: 6634 parameters. */
export const dense: Network = {
  logits: (weights, image) => whole(weights as never)(pixels(image)),
  task: (seed) =>
    taskOf({
      parameters: whole.parameters,
      seed,
      fields,
      loss: (weights, { image, label }) => crossEntropy(whole(weights)(pixels(image)), label),
    }),
};

/** The same, cut before its last layer. */
export const cutDense = (seed: number): CutTask =>
  cutTaskOf({
    first: first.parameters,
    rest: rest.parameters,
    seed,
    fields,
    told: ['label'],
    features: (weights, { image }) => first(weights)(pixels(image)),
    loss: (weights, features, { label }) =>
      crossEntropy(rest(weights)(features.as(float32, [null, HIDDEN])), label),
  });

const middle = linear({ in: HIDDEN, out: HIDDEN });
const upper = sequential(['middle', middle], relu());
const deeper = sequential(['hidden', hidden], relu(), ['middle', middle], relu(), ['out', out]);

/** With one layer more, which a server may have where members have the first and the last. */
export const deep: Network = {
  logits: (weights, image) => deeper(weights as never)(pixels(image)),
  task: (seed) =>
    taskOf({
      parameters: deeper.parameters,
      seed,
      fields,
      loss: (weights, { image, label }) => crossEntropy(deeper(weights)(pixels(image)), label),
    }),
};

/** The same, cut before and behind its middle layer. */
export const cutDeep = (seed: number): UTask =>
  uTaskOf({
    first: first.parameters,
    middle: upper.parameters,
    last: rest.parameters,
    seed,
    fields,
    features: (weights, { image }) => first(weights)(pixels(image)),
    upper: (weights, features) => upper(weights)(features.as(float32, [null, HIDDEN])),
    loss: (weights, made, { label }) => crossEntropy(rest(weights)(made.as(float32, [null, HIDDEN])), label),
  });

const normedNet = sequential(['hidden', hidden], ['norm', batchNorm(HIDDEN)], relu(), ['out', out]);

/** The same with a normalisation of each batch, whose running statistics are parameters that nobody descends. */
export const normed: Network = {
  logits: (weights, image) => normedNet(weights as never)(pixels(image)),
  task: (seed) =>
    taskOf({
      parameters: { ...normedNet.parameters, ...normedNet.buffers },
      seed,
      fields,
      loss(weights, { image, label }) {
        const buffers: Record<string, Weights[string]> = {};
        const mode = {
          training: true,
          updated(name: string, value: Tensor) {
            buffers[name] = value as Weights[string];
          },
        };
        const loss = crossEntropy(normedNet(weights, mode)(pixels(image)), label) as Scalar;
        return { loss, buffers };
      },
    }),
};

export interface DigitsData {
  /** Records that member `index` learns from. */
  train(index: number): Component;
  /** How many records of each kind it has. */
  kindsOf(index: number): readonly number[];
  /** Records that nobody learns from, a hundred of each kind. */
  readonly test: Component;
}

/** Opens what comes with the package, shared out among so many members. Throws RangeError where it does not go round. */
export function openDigits(members: number, sharding: Sharding, seed: number): DigitsData {
  const [train, test] = [read('train'), read('test')];
  const labels = labelsOf(train);
  const parts = shards(train.count, members, sharding, labels);
  return {
    train: (index) => dataComponent(select(train, parts[index]!), { shuffle: { seed }, stream: index }),
    kindsOf(index) {
      const counts = Array<number>(KINDS).fill(0);
      for (const record of parts[index]!) counts[labels[record]!]!++;
      return counts;
    },
    test: dataComponent(test),
  };
}

function read(part: string): Source {
  const bytes = (name: string) => {
    const file = `${part}-${name}.idx.gz`;
    return memorySource(file, readFileSync(fileURLToPath(new URL(`digits/${file}`, import.meta.url))));
  };
  return idx({ image: bytes('images'), label: bytes('labels') });
}

const labelsOf = (source: Source): readonly number[] => {
  const all = Uint32Array.from({ length: source.count }, (_, record) => record);
  return [...source.read(1, all).bytes];
};
