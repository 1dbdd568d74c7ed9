// The ONNX Runtime backend against values known beforehand. Needs a build: the worker threads run dist/.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type DType, packStrings, type Tensor } from '../../ir/index.ts';
import { onnxRuntimeBackend, WorkerLost } from '../../stdlib/backends/onnxruntime/index.ts';
import { ThreadLane } from '../../stdlib/backends/onnxruntime/lane.ts';

const folder = fileURLToPath(new URL('../fixtures/backend/', import.meta.url));
const fixture = (name: string): Uint8Array => readFileSync(path.join(folder, name));
const floats = (dims: number[], values: number[]): Tensor => ({
  dtype: 'float32',
  dims,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const floatsOf = ({ bytes }: Tensor): number[] => [...new Float32Array(new Uint8Array(bytes).buffer)];

const backend = onnxRuntimeBackend({ optimization: 'disabled' });
const onThisThread = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
afterAll(() => Promise.all([backend.close(), onThisThread.close()]));

const addExternal = {
  name: 'add',
  onnx: fixture('add-external.onnx'),
  inputs: [{ name: 'x', dtype: 'float32', shape: [64] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: [64] }],
} as const;
const weightsFile = fixture('weights.bin');
const weights = {
  name: 'weights.bin',
  byteLength: weightsFile.byteLength,
  read: (offset: number, length: number) => weightsFile.subarray(offset, offset + length),
};
const ones = () => floats([64], new Array(64).fill(1));
const expectedSum = Array.from({ length: 64 }, (_, index) => index + 1);

describe('values that cross into ONNX Runtime and back', () => {
  const bytesOf: Record<string, readonly [DType, Uint8Array]> = {
    float: ['float32', new Uint8Array(Float32Array.of(1.5, Number.NaN).buffer)],
    double: ['float64', new Uint8Array(Float64Array.of(1.5, -0).buffer)],
    float16: ['float16', new Uint8Array(Uint16Array.of(0x3c00, 0x7e01).buffer)],
    int8: ['int8', Uint8Array.of(0xff, 2)],
    int16: ['int16', new Uint8Array(Int16Array.of(-300, 2).buffer)],
    int32: ['int32', new Uint8Array(Int32Array.of(-70000, 2).buffer)],
    int64: ['int64', new Uint8Array(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n).buffer)],
    uint8: ['uint8', Uint8Array.of(0xff, 2)],
    uint16: ['uint16', new Uint8Array(Uint16Array.of(65535, 2).buffer)],
    uint32: ['uint32', new Uint8Array(Uint32Array.of(2 ** 32 - 1, 2).buffer)],
    uint64: ['uint64', new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 2n).buffer)],
    bool: ['bool', Uint8Array.of(1, 0)],
    string: ['string', packStrings(['héllo', ''])],
  };
  const inputs = (dims: number[], bytes: (one: Uint8Array, dtype: DType) => Uint8Array) =>
    new Map(
      Object.entries(bytesOf).map(([name, [dtype, content]]) => [
        `in_${name}`,
        { dtype, dims, bytes: bytes(content, dtype) },
      ]),
    );

  it.each([
    ['aligned', 0],
    ['at an odd address', 1],
  ])('keep their bits in every element type, %s', async (_, shift) => {
    const model = await backend.loadModel(fixture('identity.onnx'));
    const shifted = (content: Uint8Array) => {
      const buffer = new Uint8Array(content.length + shift);
      buffer.set(content, shift);
      return buffer.subarray(shift);
    };
    const outputs = await model.run(inputs([1, 2], shifted));
    expect(outputs.size).toBe(13);
    for (const [name, [dtype, content]] of Object.entries(bytesOf)) {
      expect(outputs.get(`out_${name}`), name).toEqual({
        dtype,
        dims: [1, 2],
        bytes: new Uint8Array(content),
      });
    }
  });

  it('may be empty', async () => {
    const model = await backend.loadModel(fixture('identity.onnx'));
    const outputs = await model.run(inputs([0, 2], () => new Uint8Array(0)));
    for (const output of outputs.values()) {
      expect(output.dims).toEqual([0, 2]);
      expect(output.bytes.byteLength).toBe(0);
    }
  });

  it('may be scalars', async () => {
    const model = await backend.loadModel(path.join(folder, 'scalars.onnx'));
    const outputs = await model.run(
      new Map([
        ['a', floats([], [6])],
        ['b', floats([], [7])],
      ]),
    );
    expect(outputs.get('c')!.dims).toEqual([]);
    expect(floatsOf(outputs.get('c')!)).toEqual([42]);
  });
});

describe.each([
  { where: 'in the pool', backend },
  { where: 'on the calling thread', backend: onThisThread },
])('a segment $where', ({ where, backend }) => {
  it('takes its weights from memory and from a mapped file alike', async () => {
    for (const source of [weights, { ...weights, path: path.join(folder, 'weights.bin') }]) {
      const segment = await backend.load({ ...addExternal, weights: source });
      expect(floatsOf((await segment.run([ones()]))[0]!)).toEqual(expectedSum);
    }
  });

  it('gives back transferred buffers and leaves the others to their owner', async () => {
    const segment = await backend.load({ ...addExternal, weights });
    const kept = ones();
    await segment.run([kept]);
    expect(kept.bytes.byteLength).toBe(256);

    const given = ones();
    const buffer = given.bytes.buffer as ArrayBuffer;
    const back: ArrayBuffer[] = [];
    await segment.run([given], { transfer: [buffer], reclaim: (one) => back.push(one) });
    expect(buffer.byteLength).toBe(where === 'in the pool' ? 0 : 256);
    expect(back.map((one) => one.byteLength)).toEqual([256]);
  });

  it('stays usable after a run that failed, whose message is ONNX Runtime’s', async () => {
    const segment = await backend.load({ ...addExternal, weights });
    await expect(segment.run([floats([2], [1, 2])])).rejects.toThrow(/^Got invalid dimensions/);
    await expect(segment.run([{ ...ones(), dims: [65] }])).rejects.toThrow(/needs 260 bytes, got 256/);
    expect(floatsOf((await segment.run([ones()]))[0]!)).toEqual(expectedSum);
  });

  it('that ONNX Runtime refuses is a diagnostic with its message', async () => {
    await expect(backend.load({ ...addExternal, onnx: Uint8Array.of(1, 2, 3), weights })).rejects.toThrow(
      /BB751.*add.*protobuf parsing failed/s,
    );
  });
});

describe('a worker thread that dies', () => {
  it('fails what it owed and everything after, and keeps nobody waiting', async () => {
    const source = `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ body }) => { if (body.kind === 'run') throw new Error('kaboom'); });`;
    const lane = new ThreadLane(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    const release = lane.call({ kind: 'release', session: 0 });
    const run = lane.call({
      kind: 'run',
      session: 0,
      inputNames: [],
      inputs: [],
      outputNames: [],
      giveBack: [],
    });
    const outcomes = await Promise.allSettled([release, run]);
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('rejected');
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(WorkerLost);
      expect((outcome as PromiseRejectedResult).reason.message).toContain('kaboom');
    }
    expect(lane.lost).toBe(true);
    await expect(lane.call({ kind: 'release', session: 0 })).rejects.toThrow(WorkerLost);
  });

  it('is not needed: without one, runs follow one another and end with the backend', async () => {
    const own = onnxRuntimeBackend({ workers: 0 });
    const segment = await own.load({ ...addExternal, weights });
    const both = await Promise.all([segment.run([ones()]), segment.run([ones()])]);
    for (const outputs of both) expect(floatsOf(outputs[0]!)).toEqual(expectedSum);
    await own.close();
    await expect(segment.run([ones()])).rejects.toThrow('released');
    await expect(own.load({ ...addExternal, weights })).rejects.toThrow('closed');
  });

  it.each([
    ['on the calling thread where segments take turns', {}, { takesTurns: true }, 256],
    ['in a worker where they do not', {}, { takesTurns: false }, 0],
    ['in a worker where workers are wanted', { workers: 1 }, { takesTurns: true }, 0],
  ])('is there when it gains something: a run is %s', async (_, options, load, left) => {
    const own = onnxRuntimeBackend(options);
    const segment = await own.load({ ...addExternal, weights }, load);
    const given = ones();
    const outputs = await segment.run([given], { transfer: [given.bytes.buffer as ArrayBuffer] });
    expect(floatsOf(outputs[0]!)).toEqual(expectedSum);
    // What goes to another thread leaves this one.
    expect(given.bytes.byteLength).toBe(left);
    await own.close();
  });

  it('fails pending runs when the backend closes', async () => {
    const own = onnxRuntimeBackend();
    const segment = await own.load({ ...addExternal, weights });
    const run = segment.run([ones()]);
    const outcome = run.then(
      () => 'ran',
      (error: unknown) => error,
    );
    await own.close();
    expect(await outcome).toBeInstanceOf(WorkerLost);
    await expect(own.load({ ...addExternal, weights })).rejects.toThrow('closed');
  });
});
