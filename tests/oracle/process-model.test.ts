// A model in another process, asked by a program: opaque to the graph, part of its flows.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { constant, entry, float32, input, model, module, next, output, peer } from '../../dsl/index.ts';
import { isMissing } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { type ProcessModel, processModel } from '../../stdlib/models/node/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain } from '../support/deploy.ts';
import { projectRoot } from '../support/root.ts';

const backend = cpuBackend();
const started: ProcessModel[] = [];
const start = (...command: readonly [string, ...string[]]): ProcessModel => {
  const one = processModel({ command });
  started.push(one);
  return one;
};
afterAll(async () => {
  await Promise.all([backend.close(), ...started.map((one) => one.close())]);
});

const fixture = (mode?: string) =>
  start(
    process.execPath,
    path.join(projectRoot, 'tests/fixtures/process-model/linear.mjs'),
    ...(mode === undefined ? [] : [mode]),
  );
const python = (script: string, ...args: readonly string[]) =>
  start('python3', path.join(projectRoot, 'stdlib/models/python', script), ...args);

/** y = 3 a - 2 b + 1, three hundred steps. */
const training = module('training', () => {
  const server = peer('server');
  const opaque = model('opaque', { at: server });
  entry('step', server, { initial: { step: 0n } }, ({ step }) => {
    const x = constant([
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
    const loss = opaque.fit(x, constant([[1], [4], [-1], [2]]));
    output('loss', loss);
    output('parameters', opaque.parameters());
    next('step', { step: step.add(1n) }).when(step.less(299n));
  });
});

async function train(opaque: ProcessModel) {
  const deployment = await deploy(training, topologyOf('server'), backend, {}, () => ({ opaque }));
  const { outputs, status } = await deployment.invoke({});
  await deployment.close();
  return { status, loss: plain(outputs.loss) as readonly number[], parameters: plain(outputs.parameters) };
}

test('learns what it is asked to, step after step', async () => {
  const { status, loss, parameters } = await train(fixture());
  expect(status).toBe('complete');
  expect(loss[0]).toBeLessThan(1e-3);
  const [a, b, c] = parameters as readonly number[];
  expect([a, b, c].map((one) => Math.round(one! * 10) / 10)).toEqual([3, -2, 1]);
});

test.runIf(spawnSync('python3', ['-c', '']).status === 0)('in Python, too', async () => {
  const { loss } = await train(python('linear.py', '2', '0.1'));
  expect(loss[0]).toBeLessThan(1e-3);
});

test.runIf(spawnSync('python3', ['-c', 'import torch']).status === 0)('in PyTorch, too', async () => {
  const { loss } = await train(python('torch_mlp.py', '2', '0.1'));
  expect(loss[0]).toBeLessThan(0.2);
});

const predicting = module('predicting', () => {
  const server = peer('server');
  const opaque = model('opaque', { at: server, fields: { y: [float32, ['N']] } });
  const x = input('x', float32, ['N', 2], { at: server });
  output('y', opaque.predict(x).y);
});

describe('a process that fails', () => {
  test.each([
    ['dies', 'ended (status 3): out of memory'],
    ['babbles', 'wrote no answer but "hello"'],
    ['lies', '0 bytes for float32[9]'],
    ['linear', 'no Predict'],
  ])('is why there is no result, and nothing waits for it: %s', async (mode, reason) => {
    const opaque = fixture(mode);
    const deployment = await deploy(predicting, topologyOf('server'), backend, {}, () => ({ opaque }));
    const x = { ...floats(1, 2), dims: [1, 2] };
    const { status, causes } = await deployment.invoke({ x });
    expect(status).toBe('failed');
    const [{ missing }] = causes as [(typeof causes)[number]];
    expect(isMissing(missing) && missing.detail).toContain(reason);
    await deployment.close();
  });

  test('one that is not there says so', async () => {
    const opaque = start('no-such-program');
    await expect(opaque.call({ method: 'Parameters', options: {}, inputs: [], results: [] })).rejects.toThrow(
      'does not run',
    );
  });
});
