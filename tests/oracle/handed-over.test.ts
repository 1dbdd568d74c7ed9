// What crosses edges besides the tensors that ONNX Runtime hands over: whatever the backends at both ends take.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { formatPort } from '../../cli/plan.ts';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { chainTopology, compile, passes, placeInParts, singleOpParts } from '../../compiler/index.ts';
import {
  commonBoundary,
  type DataValue,
  importModel,
  memorySource,
  packStrings,
  type Topology,
} from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { compiled, floats, truth } from '../support/deploy.ts';
import { onnxOf } from '../support/onnx-text.ts';

const cpu = cpuBackend();

const modelOf = (onnx: Uint8Array) => importModel(memorySource('model.onnx', onnx)).model!;

/** The deployment of a model with a peer for each op, as far as its values may cross. */
function cutEverywhere(onnx: Uint8Array) {
  const model = modelOf(onnx);
  const parts = singleOpParts(model, commonBoundary(['cpu']));
  const everywhere = placeInParts('every');
  const { compilation } = compile(model, {
    topology: chainTopology(parts.length, 'cpu'),
    passes: passes.map((one) => (one.name === 'place' ? everywhere : one)),
  });
  return deploymentInMemory(compilation);
}

/** Runs a model cut after each op and whole. */
async function both(text: string, inputs: Readonly<Record<string, DataValue>>) {
  const onnx = onnxOf(text);
  const deployment = cutEverywhere(onnx);
  const running = await startDeployment({ peers: peersOf(deployment), backend: cpu });
  const { outputs, causes } = await running.invoke(inputs);
  await running.close();
  const whole = cpu.loadModel(onnx).run(new Map(Object.entries(inputs)));
  return { edges: deployment.plan.edges, outputs, causes, whole };
}

describe('tensors of element types that ONNX Runtime does not hand over', () => {
  test.each([
    ['bfloat16', 'bfloat16', '21', 6],
    ['float8e4m3fn', 'float8e4m3fn', '21', 3],
    ['float8e5m2', 'float8e5m2', '21', 3],
    ['float8e8m0', 'float8e8m0', '24', 3],
    ['int4', 'int4', '21', 2],
    ['uint4', 'uint4', '21', 2],
    ['float4e2m1', 'float4e2m1', '23', 2],
    ['int2', 'int2', '25', 1],
    ['float16', 'float16', '21', 6],
  ] as const)('%s crosses between peers of the CPU backend as it is', async (dtype, onnx, opset, bytes) => {
    const elemType = { bfloat16: 16, float8e4m3fn: 17, float8e5m2: 19, uint4: 21, int4: 22, float4e2m1: 23 };
    const to = { ...elemType, float8e8m0: 24, int2: 26, float16: 10 }[onnx];
    const { edges, outputs, causes, whole } = await both(
      `<ir_version: 13, opset_import: ["" : ${opset}]>
      agraph (float[3] x) => (float[1, 3] y) {
        a = Cast <to = ${to}> (x)
        one = Constant <value_ints = [1, 3]> ()
        b = Reshape (a, one)
        y = Cast <to = 1> (b)
      }`,
      { x: floats(1, 0.5, 1.5) },
    );
    expect(causes).toEqual([]);
    expect(edges.map((edge) => [edge.value, edge.dtype, edge.bytes])).toEqual([
      ['a', dtype, bytes],
      ['b', dtype, bytes],
    ]);
    expect(outputs.y).toEqual(whole.get('y'));
  });
});

describe('what is no tensor', () => {
  const some = (value: DataValue | null): DataValue => ({ kind: 'optional', value });
  const list = (...values: readonly DataValue[]): DataValue => ({ kind: 'sequence', values });

  test.each([
    [
      'a sequence, from op to op',
      `agraph (float[N] x) => (float[M] y) {
        one = Constant <value_int = 1> ()
        s = SplitToSequence (x, one)
        t = SequenceInsert (s, x)
        y = ConcatFromSequence <axis = 0> (t)
      }`,
      { x: floats(1, 2, 3) },
      { s: 'seq(float32[?])', t: 'seq(float32[?])' },
    ],
    [
      'a sequence that enters and leaves',
      'agraph (seq(float[N]) x) => (seq(float[N]) y) { a = Identity (x) y = Identity (a) }',
      { x: list(floats(1), floats()) },
      { a: 'seq(float32[N])' },
    ],
    [
      'an optional value that is there',
      `agraph (optional(float[N]) x) => (bool h, float[N] y) {
        a = Identity (x)
        h = OptionalHasElement (a)
        y = OptionalGetElement (a)
      }`,
      { x: some(floats(4, 5)) },
      { a: 'optional(float32[N])' },
    ],
    [
      'one that is not',
      'agraph (optional(seq(float[N])) x) => (bool h) { a = Identity (x) h = OptionalHasElement (a) }',
      { x: some(null) },
      { a: 'optional(seq(float32[N]))' },
    ],
    [
      'a sequence that an If captures and gives',
      `agraph (float[N] x, bool c) => (float[M] y) {
        s = SequenceConstruct (x, x)
        t = If <
          then_branch = more () => (seq(float[N]) u) { u = SequenceInsert (s, x) },
          else_branch = same () => (seq(float[N]) v) { v = Identity (s) }
        > (c)
        y = ConcatFromSequence <axis = 0> (t)
      }`,
      { x: floats(1), c: truth(true) },
      { s: 'seq(float32[N])', t: 'seq(float32[N])' },
    ],
    [
      'a tensor of texts',
      'agraph (string[N] x) => (string[N] y) { a = StringConcat (x, x) y = Identity (a) }',
      { x: { dtype: 'string', dims: [2], bytes: packStrings(['é', '']) } satisfies DataValue },
      { a: 'string[N]' },
    ],
  ])('%s: the bits of the whole model', async (_, text, inputs, crossing) => {
    const { edges, outputs, causes, whole } = await both(text, inputs);
    expect(causes).toEqual([]);
    expect(outputs).toEqual(Object.fromEntries(whole));
    const types = Object.fromEntries(edges.map((edge) => [edge.value, formatPort(edge)]));
    expect(types).toMatchObject(crossing);
  });
});

describe('an edge carries what both ends take', () => {
  const text = `agraph (float[4] x) => (float[4] y) {
    a = Neg (x)
    b = Cast <to = 16> (a)
    c = Abs (b)
    y = Cast <to = 1> (c)
  }`;
  const topology = (first: string, second: string, on: string): Topology => {
    const chain = chainTopology(2, 'cpu');
    const [p0, p1] = chain.classes;
    const at = { file: 'topology.json' };
    return {
      ...chain,
      classes: [
        { ...p0!, backend: first },
        { ...p1!, backend: second },
      ],
      rules: [
        { where: 'op:Abs', on, at, onAt: at },
        { where: 'op:Neg', on: 'p0', at, onAt: at },
      ],
    };
  };
  const crossing = (first: string, second: string, on: string) =>
    compiled(modelOf(onnxOf(text)), topology(first, second, on)).deployment!.edges.map(({ value }) => value);

  test('so that a bfloat16 crosses between two CPU backends', () => {
    expect(crossing('cpu', 'cpu', 'p1')).toEqual(['b']);
  });

  test('and where one is ONNX Runtime the cut moves to where a float32 crosses', () => {
    expect(crossing('cpu', 'onnxruntime', 'p1')).toEqual(['a']);
    expect(crossing('onnxruntime', 'cpu', 'p1')).toEqual(['a']);
  });

  test('or is refused if nothing else is left', () => {
    const { rules, ...rest } = topology('cpu', 'onnxruntime', 'p1');
    const fixed = [...rules, { ...rules[0]!, where: 'op:Cast', on: 'p0' }];
    expect(() => compiled(modelOf(onnxOf(text)), { ...rest, rules: fixed })).toThrow(/"b" is bfloat16/);
  });
});

describe('bbc run of a model with a sequence over an edge', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bb-handed-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => path.join(folder, name);
  // The processes of peers are built ones.
  const bbc = async (...argv: readonly string[]) => {
    const { status, chunks } = await builtBbc(argv, folder);
    const of = (stream: 'out' | 'err') => chunks.flatMap((one) => (one.stream === stream ? [one.text] : []));
    return { status, out: of('out').join(''), err: of('err').join('') };
  };
  writeFileSync(
    file('model.onnx'),
    onnxOf('agraph (seq(float[N]) x) => (seq(float[N]) y) { a = Identity (x) y = Identity (a) }'),
  );
  const peers = (backend: string) => ({
    version: 1,
    classes: { phone: { backend }, server: { backend } },
    place: [{ where: 'value:a', on: 'phone' }],
  });
  writeFileSync(file('cpu.json'), JSON.stringify(peers('cpu')));
  writeFileSync(file('x.json'), '{"x": [[1, 2], [3]]}');
  const source = [file('model.onnx'), '--peers', file('cpu.json')];

  test.each([['inproc'], ['ws']])('reads, cuts, verifies and writes it (%s)', async (transport) => {
    const { status, out, err } = await bbc(
      ...['run', ...source, '-i', file('x.json'), '-o', file('y.json')],
      ...['--transport', transport, '--verify', '--json'],
    );
    expect([status, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      outputs: { y: { type: 'seq(float32[2])' } },
      verify: { bitEqual: true },
    });
    const values = [
      { dtype: 'float32', dims: [2], data: [1, 2] },
      { dtype: 'float32', dims: [1], data: [3] },
    ];
    expect(JSON.parse(readFileSync(file('y.json'), 'utf8'))).toEqual({ y: { kind: 'sequence', values } });
  });

  test('hands on a sparse tensor that no op reads', async () => {
    const text =
      'agraph (sparse_tensor(float[5]) x, float[2] z) => (sparse_tensor(float[5]) x, float[2] y) { y = Neg (z) }';
    writeFileSync(file('sparse.onnx'), onnxOf(text));
    const topology = { ...peers('cpu'), place: [{ where: 'op:Neg', on: 'phone' }] };
    writeFileSync(file('sparse-peers.json'), JSON.stringify(topology));
    const x = {
      kind: 'sparse',
      dims: [5],
      values: { dtype: 'float32', dims: [1], data: [1.5] },
      indices: { dtype: 'int64', dims: [1], data: [3] },
    };
    writeFileSync(file('sparse.json'), JSON.stringify({ x, z: [1, 2] }));
    const files = ['-i', file('sparse.json'), '-o', file('out.json')];
    const { status, err } = await bbc(
      ...['run', file('sparse.onnx'), '--peers', file('sparse-peers.json'), ...files],
    );
    expect([status, err]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(file('out.json'), 'utf8')).x).toEqual(x);
  });

  test('on ONNX Runtime says that it takes none', async () => {
    const { status, err } = await bbc('run', ...source, '-i', file('x.json'), '--backend', 'ort');
    expect(status).toBe(1);
    expect(err).toMatch(/BB833[\s\S]*ONNX Runtime takes no seq\(float32\[2\]\) from JavaScript/);
  });
});
