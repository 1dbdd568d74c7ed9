import { describe, expect, test } from 'vitest';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { writeDeployment } from '../../compiler/index.ts';
import { emit } from '../../compiler/passes/emit.ts';
import { importModel, memorySource, printModel } from '../../ir/index.ts';
import { cut, topologyOf } from '../support/compile.ts';

const topology = topologyOf('phone', 'server');
const emitted = (text: string) => {
  const { compilation, diagnostics } = cut(text, topology);
  expect(diagnostics).toEqual([]);
  return emit.run(compilation, { topology, report: () => {} });
};

const twoPeers = `
  input x: float32[N, 16] @phone
  weight large: float32[16, 20]
  weight small: float32[20]
  h = MatMul(x, large) @phone
  y = Add(h, small) @server
  output y @server
`;

describe('emit', () => {
  test('writes a folder for each program and a plan over all', () => {
    const { plan, bundles } = deploymentInMemory(emitted(twoPeers));
    const manifests = [...bundles.values()].map(({ manifest }) => manifest);
    // Of the hashes, only where they stand: they change with every byte that a program gains.
    const text = JSON.stringify({ plan, manifests }, null, 1).replace(/[0-9a-f]{64}/g, 'sha256');
    expect(text).toMatchSnapshot();
    for (const [, { onnx, manifest }] of bundles)
      expect(manifest.files.program.bytes, manifest.program).toBe(onnx.length);
  });

  test('programs are ONNX again, large weights beside them and small ones within', () => {
    const { bundles } = deploymentInMemory(emitted(twoPeers));
    const text = [...bundles].map(([name, { onnx, weights }]) => {
      const { model, diagnostics } = importModel(memorySource('program.onnx', onnx), {
        external: () => weights,
      });
      expect(diagnostics).toEqual([]);
      return `== ${name}, ${weights?.byteLength ?? 'no'} bytes of weights\n${printModel(model!)}`;
    });
    expect(text.join('')).toMatchSnapshot();
  });

  test('a program without large weights has no weights.bin, and none is asked for', () => {
    const compilation = emitted('input x: float32[2] @phone\ny = Relu(x) @server\noutput y @server');
    expect(compilation.bundles!.map(({ weights }) => weights)).toEqual([[], []]);
    const { bundles } = deploymentInMemory(compilation);
    expect([...bundles.values()].map(({ manifest }) => manifest.files.weights)).toEqual([null, null]);
  });

  test('what was not compiled to the end is not written', () => {
    const { compilation } = cut(twoPeers, topology);
    const sink = {
      sha256: () => '',
      write: () => {
        throw new Error('written');
      },
    };
    expect(() => writeDeployment(compilation, sink)).toThrow(
      'a bound compilation cannot be written: compile it to the end',
    );
  });
});
