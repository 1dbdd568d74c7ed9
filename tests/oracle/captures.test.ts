// If, Loop and Scan cut from the outside: what their subgraphs read from around them, one or two levels up, crosses as
// edges, and the bits are those of the whole model on ONNX Runtime.

import { afterAll, describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { chainTopology, compile, passes, placeInParts, singleOpParts } from '../../compiler/index.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { capturing } from '../support/captures.ts';
import { floats, truth } from '../support/deploy.ts';
import { onnxOf } from '../support/onnx-text.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

describe.each(Object.entries(capturing))('%s, each op on a peer of its own', (type, text) => {
  const onnx = onnxOf(text);
  const { model } = importModel(memorySource('model.onnx', onnx));
  const everywhere = placeInParts('every');
  const { compilation } = compile(model!, {
    topology: chainTopology(singleOpParts(model!).length),
    passes: passes.map((one) => (one.name === 'place' ? everywhere : one)),
  });
  const holder = [...compilation.model.opsOf()].find((op) => op.type === type)!;
  const home = compilation.placement!.ops[holder.id]!.class;

  test('gets what its subgraphs read over edges', () => {
    const edges = compilation.deployment!.edges.filter(({ to }) => to.class === home);
    expect(edges.map(({ value }) => value).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('has the bits of the whole model for the conditions %s and %s', async (c, d) => {
    const inputs = { x: floats(-1.5, -0.25), c: truth(c), d: truth(d) };
    const running = await startDeployment({ peers: peersOf(deploymentInMemory(compilation)), backend });
    const { outputs, causes } = await running.invoke(inputs);
    await running.close();
    const whole = await backend.loadModel(onnx);
    const expected = await whole.run(new Map(Object.entries(inputs)));
    await whole.release();
    expect(causes).toEqual([]);
    expect(outputs).toEqual(Object.fromEntries(expected));
  });
});
