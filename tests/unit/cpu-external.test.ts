// External data of whole models on the CPU backend.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, expect, it } from 'vitest';
import { loadOnCpu } from '../../cli/load/cpu-model.ts';
import { elementsOf } from '../../cli/tensors/elements.ts';
import { ModelProtoSchema, StringStringEntryProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import { isTensor } from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'bbc-external-'));
afterAll(() => rmSync(folder, { recursive: true }));

const floats = (values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
mkdirSync(path.join(folder, 'model/weights'), { recursive: true });
writeFileSync(path.join(folder, 'model/weights/w.bin'), floats([1, 2, 3, 4]));
// One of the same name where it must not be read.
writeFileSync(path.join(folder, 'model/w.bin'), floats([9, 9, 9, 9]));
writeFileSync(path.join(folder, 'w.bin'), floats([8, 8, 8, 8]));
symlinkSync(path.join(folder, 'w.bin'), path.join(folder, 'model/weights/link.bin'));

/** What y = w gives, w being two elements of external data. */
function load(entries: Record<string, string>): unknown[] {
  const proto = fromBinary(
    ModelProtoSchema,
    onnxOf('agraph () => (float[2] y) <float[2] w = {0, 0}> { y = Identity (w) }'),
  );
  const weight = proto.graph!.initializer[0]!;
  weight.floatData = [];
  weight.rawData = new Uint8Array(0);
  weight.dataLocation = 1;
  weight.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  const file = path.join(folder, 'model/m.onnx');
  writeFileSync(file, toBinary(ModelProtoSchema, proto));
  const [y] = loadOnCpu(cpuBackend(), file).run(new Map()).values();
  return y !== undefined && isTensor(y) ? elementsOf(y) : [];
}

it('is read from a folder below the model', () => {
  expect(load({ location: 'weights/w.bin', offset: '4', length: '8' })).toEqual([2, 3]);
});

it('ends with its file where no length is given', () => {
  expect(load({ location: 'weights/w.bin', offset: '8' })).toEqual([3, 4]);
});

it.each([
  ['BB102', { location: 'absent.bin' }],
  ['BB103', { location: '../w.bin' }],
  ['BB103', { location: path.join(folder, 'w.bin') }],
  ['BB103', { location: 'weights/link.bin' }],
  ['BB104', { location: 'weights/w.bin', offset: '12', length: '8' }],
  ['BB105', { location: 'weights/w.bin', offset: '-1' }],
])('is refused with %s when it says %j', (code, entries) => {
  expect(() => load(entries as Record<string, string>)).toThrow(code);
});
