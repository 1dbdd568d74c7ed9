// Programs that ask for data: what a member has reaches its segments, and nothing else does.

import { afterAll, expect, test } from 'vitest';
import {
  cohort,
  collect,
  constant,
  dataSource,
  float32,
  input,
  int64,
  module,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Component, Components } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { arrays, dataComponent } from '../../stdlib/data/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain, recorded } from '../support/deploy.ts';

const backend = cpuBackend();
afterAll(() => backend.close());

const bytes = (dims: readonly number[], ...values: readonly number[]): Tensor => ({
  dtype: 'uint8',
  dims,
  bytes: Uint8Array.from(values),
});
const scalar = (value: number): Tensor => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
});
/** Five records of two pixels: 0 1, 2 3 … 8 9; labels 0 to 4. */
const five = () =>
  arrays({ image: bytes([5, 2], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), label: bytes([5], 0, 1, 2, 3, 4) });

const phone = peer('phone');
const fields = { image: [float32, ['N', 1, 2]], label: [int64, ['N']] } as const;

const batches = (last: 'wrap' | 'drop' | 'keep', size = 2) =>
  module('batches', () => {
    const train = dataSource('train', { at: phone, fields });
    const index = input('index', int64, [], { at: phone });
    const { image, label } = train.batch(index, size, { last });
    output('sum', image.reduceSum({ axes: [1, 2], keepdims: 0 }));
    output('label', label.at(phone));
    output('size', train.size().at(phone));
  });

async function labelsOf(last: 'wrap' | 'drop' | 'keep', indices: readonly number[], size = 2) {
  const components = () => ({ train: dataComponent(five()) });
  const deployment = await deploy(batches(last, size), topologyOf('phone'), backend, {}, components);
  const found = [];
  for (const index of indices) {
    const { outputs } = await deployment.invoke({ index: scalar(index) });
    found.push(plain(outputs.label));
  }
  await deployment.close();
  return found;
}

test('a batch has the declared types, and its records reach the backend', async () => {
  const components = () => ({ train: dataComponent(five()) });
  const deployment = await deploy(batches('wrap'), topologyOf('phone'), backend, {}, components);
  const { outputs } = await deployment.invoke({ index: scalar(1) });
  expect(outputs.sum).toEqual(floats(9, 13));
  expect(outputs.label).toMatchObject({ dtype: 'int64', dims: [2] });
  expect(plain(outputs.size)).toEqual([5]);
  await deployment.close();
});

test('where an epoch ends, a batch wraps, is dropped, or is smaller, as the author says', async () => {
  expect(await labelsOf('wrap', [0, 1, 2, 3, 4])).toEqual([
    [0, 1],
    [2, 3],
    [4, 0],
    [1, 2],
    [3, 4],
  ]);
  expect(await labelsOf('drop', [0, 1, 2, 3])).toEqual([
    [0, 1],
    [2, 3],
    [0, 1],
    [2, 3],
  ]);
  expect(await labelsOf('keep', [0, 1, 2, 3])).toEqual([[0, 1], [2, 3], [4], [0, 1]]);
  expect(await labelsOf('wrap', [0], 12)).toEqual([[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]]);
});

test('a batch that is not there is missing, and the result says why', async () => {
  expect(await labelsOf('wrap', [-1])).toEqual(['failed']);
  expect(await labelsOf('drop', [0], 6)).toEqual(['failed']);
});

test('each member of a cohort has data of its own; state says which batch is next', async () => {
  const phones = cohort('phone');
  const source = module('sums', () => {
    const train = dataSource('train', { at: phones.each, fields });
    const step = state('step', constant(0n), { at: phones.each });
    const { image } = train.batch(step.read(), 2);
    step.update((now) => now.add(1n));
    const sums = on(phones.each, () => image.reduceSum({ keepdims: 0 }));
    output('sums', collect(sums, { at: peer('server') }).values);
  });
  const sources = [arrays({ image: bytes([2, 2], 1, 2, 3, 4), label: bytes([2], 0, 1) }), five()];
  const components = (id: string): Record<string, Component> =>
    id === 'server' ? {} : { train: dataComponent(sources[Number(id.split('/')[1])]!) };
  const topology = topologyOf('server', 'phone*2');
  const deployment = await deploy(source, topology, backend, {}, components);
  const sums = [];
  for (let flow = 0; flow < 3; flow++) sums.push(plain((await deployment.invoke({})).outputs.sums));
  expect(sums).toEqual([
    [10, 6],
    [10, 22],
    [10, 9 + 8 + 1],
  ]);
  await deployment.close();
});

test('a component that gives something else than it said fails, and the flow goes on without it', async () => {
  const source = module('fallback', () => {
    const train = dataSource('train', { at: phone, fields });
    const { image, label } = train.batch(0, 2);
    output('present', image.present().at(phone));
    output('label', label.orElse([7n, 7n]).at(phone));
  });
  const broken: Component = {
    role: 'data_source',
    misfit: () => undefined,
    call: async () => [floats(1, 2), floats(1, 2)],
  };
  const events: string[] = [];
  const onEvent = (_: string, event: { kind: string; message?: string }) =>
    void (event.kind === 'work-failed' && events.push(event.message!));
  const deployment = await deploy(source, topologyOf('phone'), backend, { onEvent }, () => ({
    train: broken,
  }));
  const { outputs, status } = await deployment.invoke({});
  expect(status).toBe('partial');
  expect(plain(outputs.present)).toEqual([0]);
  expect(plain(outputs.label)).toEqual([7, 7]);
  expect(events).toEqual(['image is float32[2] where float32[?, 1, 2] belongs']);
  await deployment.close();
});

test('nothing starts where a slot is empty or its component does not fit', async () => {
  const start = (component?: Component) =>
    deploy(batches('wrap'), topologyOf('phone'), backend, {}, () =>
      component === undefined ? {} : ({ train: component } as Components),
    );
  await expect(start()).rejects.toThrow('BB837');
  const misfit = (image: Tensor) => start(dataComponent(arrays({ image, label: bytes([1], 1) }, 'a.npz')));
  await expect(misfit(bytes([1, 3], 1, 2, 3))).rejects.toThrow(
    'a.npz: image is uint8[N, 3], which has not the shape of float32[N, 1, 2]',
  );
  await expect(misfit({ ...bytes([1, 2]), dtype: 'float64', bytes: new Uint8Array(16) })).rejects.toThrow(
    'not every float64 is a number of float32[N, 1, 2]',
  );
  await expect(start(dataComponent(arrays({ image: bytes([1, 2], 1, 2) }, 'a.npz')))).rejects.toThrow(
    'a.npz has no field label; it has image',
  );
  const nobody = arrays({ image: bytes([0, 2]), label: bytes([0]) }, 'a.npz');
  await expect(start(dataComponent(nobody))).rejects.toThrow('a.npz has no records');
});

test('what an author gets wrong is told at once', () => {
  const body = (declare: () => unknown) => () =>
    recorded(
      module('wrong', () => {
        declare();
        output('x', input('x', float32, []));
      }),
    );
  const declare = () => dataSource('train', { at: phone, fields });
  expect(body(() => [declare(), declare()])).toThrow('another data source is called "train"');
  expect(body(() => dataSource('a', { at: phone, fields: {} }))).toThrow('it has no fields');
  expect(body(() => dataSource('a', { at: phone, fields: { y: [float32, [3]] } }))).toThrow(
    "the first dimension of y counts records: give it a name, such as 'N'",
  );
  expect(body(() => declare().batch(-1, 2))).toThrow('index is no whole number from 0');
  expect(body(() => declare().batch(0, 0))).toThrow('size is no whole number from 1');
});
