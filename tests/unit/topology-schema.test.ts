import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parseTopology } from '../../compiler/topology.ts';

const file = path.join(import.meta.dirname, '../../compiler/schemas/topology.schema.json');
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
  JSON.parse(readFileSync(file, 'utf8')),
);

const minimal = { version: 1, classes: { a: {}, b: {} } };
const whole = {
  version: 1,
  classes: {
    phone: { count: 20, memory: '256MiB', compute: '8GFLOPS', backend: 'onnxruntime' },
    server: { memory: '8 GB', compute: '0.2TFLOPS' },
    reader: {
      components: {
        a: { kind: 'idx', files: { image: 'a.idx', label: 'b.idx.gz' }, shuffle: { seed: 1 } },
        b: { kind: 'npz', file: 'b/{index}.npz', fields: { x: 'x_train' } },
        c: {
          kind: 'csv',
          file: 'c.csv',
          separator: ';',
          fields: { x: ['a', 'b'], y: 'c', z: { columns: 'd', classes: ['no', 'yes'], dtype: 'uint8' } },
          part: { take: 'test', share: 0.2, seed: 3 },
        },
        d: {
          kind: 'images',
          folder: 'd',
          labels: 'd.csv',
          channels: 1,
          layout: 'hwc',
          shard: { by: 'dirichlet', alpha: 0.5, seed: 1, label: 'label', atLeast: 10 },
        },
        e: { kind: 'images', folder: 'e', shard: { by: 'label', seed: 1, label: 'label', pieces: 3 } },
        f: { kind: 'npz', file: 'f.npz', shard: { by: 'iid', seed: 1 } },
      },
    },
  },
  peers: { s1: { class: 'server', address: ['/ip4/127.0.0.1/tcp/7000/ws'] }, 'phone/7': { class: 'phone' } },
  links: [
    { between: ['phone', 's1'], latency: '1.5ms', up: '5Mbit/s', down: '2MiB/s', loss: 0.01 },
    { between: ['phone', 'phone'], codec: 'int8 block=64' },
    { between: ['phone', 'server'], codec: { up: 'top-k share=0.01', down: 'raw' } },
  ],
  place: [{ where: 'op:Conv', on: 'phone' }],
  objective: 'throughput',
};

test.each([
  ['minimal', minimal],
  ['whole', whole],
])('parser and schema take the %s example', (_, example) => {
  expect(parseTopology(JSON.stringify(example), 't').diagnostics).toEqual([]);
  expect(validate(example)).toBe(true);
});

const link = (fields: object): object => ({ ...minimal, links: [{ between: ['a', 'b'], ...fields }] });
const oneClass = (fields: object): object => ({ version: 1, classes: { a: fields } });

const data = (fields: object): object =>
  oneClass({ components: { a: { kind: 'npz', file: 'a.npz', ...fields } } });

describe('parser and schema both refuse', () => {
  test.each([
    ['an unknown field', { ...minimal, clases: {} }],
    ['another version', { ...minimal, version: 2 }],
    ['no version', { classes: { a: {} } }],
    ['no classes', { version: 1 }],
    ['an empty list of classes', { version: 1, classes: {} }],
    ['a class with a slash', { version: 1, classes: { 'a/0': {} } }],
    ['a class that is no object', { version: 1, classes: { a: 3 } }],
    ['an unknown field of a class', oneClass({ size: 1 })],
    ['a count of none', oneClass({ count: 0 })],
    ['half a count', oneClass({ count: 1.5 })],
    ['memory without unit', oneClass({ memory: '256' })],
    ['memory as a number', oneClass({ memory: 256 })],
    ['an unknown unit', oneClass({ memory: '256Mib' })],
    ['a negative quantity', oneClass({ compute: '-1GFLOPS' })],
    ['an empty backend', oneClass({ backend: '' })],
    ['components that are a list', oneClass({ components: [] })],
    ['a component of no kind', oneClass({ components: { a: { file: 'a.npz' } } })],
    ['a component of another kind', data({ kind: 'parquet' })],
    ['a component without its file', oneClass({ components: { a: { kind: 'npz' } } })],
    ['a component with a field of another', data({ folder: 'a' })],
    ['a shard by something else', data({ shard: { by: 'size', seed: 1 } })],
    ['a shard without a seed', data({ shard: { by: 'iid' } })],
    ['a shard by label without one', data({ shard: { by: 'label', seed: 1 } })],
    ['an alpha of nothing', data({ shard: { by: 'dirichlet', seed: 1, label: 'y', alpha: 0 } })],
    ['a part of more than all', data({ part: { take: 'test', share: 1.5, seed: 1 } })],
    ['a seed that is no whole number', data({ shuffle: { seed: 1.5 } })],
    [
      'a column of a type that is not read',
      oneClass({
        components: { a: { kind: 'csv', file: 'a', fields: { x: { columns: 'x', dtype: 'float16' } } } },
      }),
    ],
    ['two channels', oneClass({ components: { a: { kind: 'images', folder: 'a', channels: 2 } } })],
    ['a peer without class', { ...minimal, peers: { x: {} } }],
    ['a peer with a space', { ...minimal, peers: { 'x y': { class: 'a' } } }],
    ['an address that is no list', { ...minimal, peers: { x: { class: 'a', address: 'y' } } }],
    ['a link without ends', { ...minimal, links: [{}] }],
    ['a link with three ends', { ...minimal, links: [{ between: ['a', 'b', 'a'] }] }],
    ['links that are no list', { ...minimal, links: {} }],
    ['a duration in hours', link({ latency: '1h' })],
    ['bytes as bandwidth', link({ up: '5MB' })],
    ['no bandwidth', link({ down: '0Mbit/s' })],
    ['more than all lost', link({ loss: 1.5 })],
    ['a rule without class', { ...minimal, place: [{ where: 'op:Add' }] }],
    ['an empty rule', { ...minimal, place: [{ where: '', on: 'a' }] }],
    ['an unknown objective', { ...minimal, objective: 'speed' }],
    ['a list', []],
  ])('%s', (_, example) => {
    expect(parseTopology(JSON.stringify(example), 't').topology).toBeUndefined();
    expect(validate(example)).toBe(false);
  });
});
