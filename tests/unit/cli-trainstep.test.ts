// `bbc trainstep`: what it writes and what it refuses.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { trainstep } from '../../cli/commands/trainstep.ts';
import { parseOptimizer } from '../../cli/trainstep/optimizer.ts';
import { importModel, type Model, memorySource } from '../../ir/index.ts';
import { bbcOf } from '../support/bbc.ts';
import { onnxOf } from '../support/onnx-text.ts';

const bbc = bbcOf(trainstep);
const folder = mkdtempSync(path.join(tmpdir(), 'bb-trainstep-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => path.join(folder, name);
const written = (name: string): Model => importModel(memorySource(name, readFileSync(file(name)))).model!;

writeFileSync(
  file('model.onnx'),
  onnxOf(`agraph (float[2] x, int64 i) => (float loss, float[2] y, float other)
    <float[2] w = {1, 2}, float[2] step = {3, 4}, float[2] unused = {5, 6}, int64 k = {1}> {
    s = Mul (x, w)
    y = Add (s, step)
    loss = ReduceMean <keepdims = 0> (y)
    j = Add (i, k)
    r = Cast <to = 1> (j)
    n = ReduceSum <keepdims = 0> (unused)
    other = Add (n, r)
  }`),
);
const step = (...options: string[]) =>
  bbc('trainstep', file('model.onnx'), '--loss', 'loss', '-o', file('step.onnx'), ...options);

/** Convolutions and pools have longer gradients that are faster, from some size on. */
const image = `agraph (float[32, 1, 28, 28] x) => (float loss) <float[16, 1, 3, 3] k = {%}> {
  h = Conv <pads = [1, 1, 1, 1]> (x, k)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (h)
  loss = ReduceMean <keepdims = 0> (p)
}`;
writeFileSync(file('image.onnx'), onnxOf(image.replace('%', new Array(144).fill('0.5').join(', '))));

describe('a training step', () => {
  it('has fewer ops with --short', async () => {
    const ops = async (...options: string[]): Promise<number> => {
      const to = ['-o', file('image-step.onnx'), '--optimizer', 'sgd:lr=0.1', '--json'];
      const { out } = await bbc('trainstep', file('image.onnx'), '--loss', 'loss', ...to, ...options);
      return JSON.parse(out).ops.step;
    };
    const long = await ops();
    expect(await ops('--short')).toBeLessThan(long - 10);
  });

  it('has parameters, state, counter and rate in, and their next values out, named in its metadata', async () => {
    const { status, out } = await step('--optimizer', 'adam:lr=0.5', '--json');
    expect(status).toBe(0);
    const { next, parameters } = JSON.parse(out);
    expect(parameters).toEqual(['w', 'step']);
    expect(next).toEqual({
      w: 'new_w',
      'w.mean': 'new_w.mean',
      'w.variance': 'new_w.variance',
      step: 'new_step',
      'step.mean': 'new_step.mean',
      'step.variance': 'new_step.variance',
      step_1: 'new_step_1',
    });
    const model = written('step.onnx');
    const inputs = model.mainGraph.inputs.map((id) => model.value(id));
    expect(inputs.map(({ name }) => name)).toEqual([
      ...['x', 'i', 'w', 'step', 'step_1', 'learning_rate'],
      ...['w.mean', 'w.variance', 'step.mean', 'step.variance'],
    ]);
    expect(inputs.filter(({ weight }) => weight !== undefined)).toEqual([]);
    const outputs = model.mainGraph.outputs.map((id) => model.value(id).name);
    expect(outputs).toEqual(['loss', 'y', 'other', ...Object.values(next)]);
    const entry = model.header.residue!.metadataProps.find(({ key }) => key.endsWith('training_step'))!;
    expect(JSON.parse(entry.value)).toEqual({
      loss: 'loss',
      parameters: ['w', 'step'],
      step: 'step_1',
      learning_rate: 'learning_rate',
      next,
    });
  });

  it('comes with a model that gives what it begins with', async () => {
    await step('--optimizer', 'sgd', '--initial', file('start.onnx'));
    const model = written('start.onnx');
    expect(model.mainGraph.inputs).toEqual([]);
    expect(model.mainGraph.outputs.map((id) => model.value(id).name)).toEqual([
      'w',
      'step',
      'step_1',
      'learning_rate',
    ]);
  });

  it('trains what globs name', async () => {
    const { out } = await step('--params', 'w,st*', '--json');
    expect(JSON.parse(out).parameters).toEqual(['w', 'step']);
    expect(JSON.parse((await step('--params', 's???', '--json')).out).parameters).toEqual(['step']);
  });

  it.each([
    ['a loss that is not there', ['--loss', 'nothing'], 'BB282'],
    ['a loss that is no scalar', ['--loss', 'y'], 'BB284'],
    ['names that no weight has', ['--params', 'w,v*'], 'BB285'],
    ['a weight that does not reach the loss', ['--params', 'unused'], 'BB286'],
    ['a weight of whole numbers', ['--params', 'k'], 'BB283'],
  ])('is refused for %s', async (_, options, code) => {
    const { status, err } = await step(...options);
    expect(status).toBe(1);
    expect(err).toMatch(new RegExp(`error ${code}: `));
  });

  it.each([
    ['sgdd', /one of sgd, momentum/],
    ['adam:lr=fast', /lr wants a number/],
    ['adam:alpha=1', /adam has lr, beta1, beta2, eps, weight_decay, not alpha/],
  ])('is refused for the optimiser %s', async (optimizer, words) => {
    const { status, err } = await step('--optimizer', optimizer);
    expect(status).toBe(2);
    expect(err).toMatch(words);
  });

  it('has the rate of 1e-3 unless told otherwise', () => {
    expect(parseOptimizer('adamw').rate).toBe(1e-3);
    expect(parseOptimizer('onnx_adam:lr=0.5,norm_coefficient_post=0.1').rate).toBe(0.5);
  });
});
