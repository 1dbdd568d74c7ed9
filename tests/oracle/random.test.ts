// Draws recorded as ONNX ops are, bit by bit, what the generator in TypeScript gives, on both backends.

import { describe, expect, test } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { float32, input, int64, loop, output } from '../../dsl/index.ts';
import { bernoulli, bits, dropout, fixedKey, key, normal, uniform } from '../../dsl/random/index.ts';
import { normalOf } from '../../dsl/random/quantile.ts';
import type { Tensor } from '../../ir/index.ts';
import { foldKey, hashName, keyOf, randomWords } from '../../ir/philox.ts';
import { type Engine, onCpu, onOnnxRuntime } from '../support/converted.ts';
import { outputsOf, recordedOf, refusalOf } from '../support/recorded.ts';

const engines: readonly (readonly [string, Engine])[] = [
  ['the CPU backend', onCpu],
  ['ONNX Runtime', onOnnxRuntime],
];
const elements = (tensor: Tensor | undefined): number[] => elementsOf(tensor!).map(Number);
const words = (count: number): number[] => [...randomWords(foldKey(keyOf(7n), hashName('noise')), count)];

describe.each(engines)('on %s', (_, engine) => {
  test('bits, uniform and normal numbers are those of the key’s stream', async () => {
    const model = recordedOf(() => {
      const noise = fixedKey(7).fold('noise');
      output('bits', bits(noise, [3, 5]));
      output('unit', uniform(noise, [11]));
      output('wide', uniform(noise, [2, 4], { low: -3, high: 5, dtype: 'float64' }));
      output('normal', normal(noise, [500], { mean: 2, scale: 0.5 }));
      output('exact', normal(noise, [500], { dtype: 'float64' }));
      output('often', bernoulli(noise, [40], 0.75));
      output('none', bits(noise, [0, 2]));
    });
    const out = await outputsOf(engine, model);
    expect(out.bits!.dims).toEqual([3, 5]);
    expect(elements(out.bits)).toEqual(words(15));
    expect(elements(out.unit)).toEqual(words(11).map((word) => (word >>> 8) * 2 ** -24));
    expect(elements(out.wide)).toEqual(words(8).map((word) => (word >>> 8) * (8 * 2 ** -24) - 3));
    expect(elements(out.exact)).toEqual(words(500).map(normalOf));
    expect(elements(out.normal)).toEqual(words(500).map((word) => Math.fround(normalOf(word) * 0.5 + 2)));
    expect(elements(out.often)).toEqual(words(40).map((word) => Number(word < 0.75 * 2 ** 32)));
    expect(out.none!.dims).toEqual([0, 2]);
  });

  test('a key folded with values is the key folded with the same numbers', async () => {
    const model = recordedOf(() => {
      const step = input('step', int64, []);
      const small = step.cast({ to: 'int32' });
      output('key', fixedKey(7).fold(step).fold(3).fold(small).value);
      output('again', key(fixedKey(7).fold(step).value).fold(3).fold(small).value);
    });
    for (const step of [0n, 5n, -1n, 2n ** 40n + 3n]) {
      const out = await outputsOf(engine, model, { step: tensorFrom('int64', [], [step]) });
      const small = BigInt.asIntN(32, step);
      const wanted = foldKey(foldKey(foldKey(keyOf(7n), step), 3n), small);
      expect(elements(out.key), `${step}`).toEqual([...wanted]);
      expect(out.again).toEqual(out.key);
    }
  });

  test('dropout drops by the key, over sizes that only the run knows', async () => {
    const model = recordedOf(() => {
      const x = input('x', float32, ['N', 3]);
      output('y', dropout(x, fixedKey(7).fold('noise'), 0.25));
      output('same', dropout(x, fixedKey(7), 0));
    });
    const given = Array.from({ length: 12 }, (__, index) => index + 1);
    const out = await outputsOf(engine, model, { x: tensorFrom('float32', [4, 3], given) });
    const scale = Math.fround(1 / 0.75);
    const wanted = words(12).map((word, index) =>
      word < 0.75 * 2 ** 32 ? Math.fround(given[index]! * scale) : 0,
    );
    expect(elements(out.y)).toEqual(wanted);
    expect(new Set(wanted).size).toBeGreaterThan(5);
    expect(elements(out.same)).toEqual(given);
  });
});

test('a key that nobody draws from is not recorded, and one that a loop drew from is there outside', () => {
  const model = recordedOf(() => {
    const step = input('step', int64, []);
    const from = fixedKey(7).fold(step);
    const [used] = [from.fold('used'), from.fold('unused')];
    const start = uniform(fixedKey(1), [2]);
    const { x } = loop({ x: start }, { count: 3 }, ({ x }) => ({ x: x.add(uniform(used, [2])) }));
    output('y', x.add(uniform(used, [2])));
  });
  const folds = [...model.opsOf()].filter((op) => op.type === 'FoldKey');
  expect(folds).toHaveLength(2);
});

test('a seed, a probability and a shape that cannot be are told', () => {
  const x = () => input('x', float32, [2]);
  expect(refusalOf(() => output('y', bits(key(1.5), [2])))).toContain('BB330: key: 1.5 is no whole number');
  expect(refusalOf(() => output('y', bernoulli(key(1), [2], 2)))).toContain('2 is no probability');
  expect(refusalOf(() => output('y', dropout(x(), key(1), 1)))).toContain('BB330: dropout');
  expect(refusalOf(() => output('y', uniform(key(1), [2.5])))).toContain('BB330');
  expect(refusalOf(() => output('y', bits(key(1).fold(x() as never), [2])))).toContain('BB307');
});
