// What crosses edges besides the tensors that ONNX Runtime hands over: whatever the backends at both ends take.

import { describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { chainTopology, compile, passes, placeInParts, singleOpParts } from '../../compiler/index.ts';
import { commonBoundary, importModel, memorySource, type Tensor, type Topology } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { compiled, floats } from '../support/deploy.ts';
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
async function both(text: string, inputs: Readonly<Record<string, Tensor>>) {
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
