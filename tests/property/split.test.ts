// Wherever a graph is cut, it computes the same bits: random graphs, random places, real nodes and frames.

import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { compile, type Pass } from '../../compiler/index.ts';
import { passes } from '../../compiler/pipeline.ts';
import { exportModel, type Tensor } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { asWritten, topologyOf } from '../support/compile.ts';
import { floats } from '../support/deploy.ts';
import { modelOf } from '../support/model.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const peers = ['a', 'b', 'c'] as const;
const topology = topologyOf(...peers);
const unary = ['Relu', 'Tanh', 'Neg', 'Sigmoid', 'Identity'] as const;
const binary = ['Add', 'Mul', 'Sub', 'Max'] as const;

/** One op: its type, which earlier values it reads, and where it runs. */
const step = fc.record({
  type: fc.constantFrom(...unary, ...binary),
  reads: fc.tuple(fc.nat(), fc.nat()),
  at: fc.constantFrom(...peers),
});
const graph = fc.record({
  inputs: fc.array(fc.constantFrom(...peers), { minLength: 1, maxLength: 3 }),
  steps: fc.array(step, { minLength: 1, maxLength: 24 }),
  outputs: fc.array(fc.record({ value: fc.nat(), at: fc.constantFrom(...peers) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

function textOf({ inputs, steps, outputs }: typeof graph extends fc.Arbitrary<infer T> ? T : never): string {
  const lines = inputs.map((at, index) => `input x${index}: float32[4] @${at}`);
  lines.push('weight w: float32[4]', 'constant = Neg(w) @a');
  const values = [...inputs.map((_, index) => `x${index}`), 'w', 'constant'];
  steps.forEach(({ type, reads, at }, index) => {
    const count = (binary as readonly string[]).includes(type) ? 2 : 1;
    const operands = reads.slice(0, count).map((read) => values[read % values.length]);
    lines.push(`v${index} = ${type}(${operands.join(', ')}) @${at}`);
    values.push(`v${index}`);
  });
  const made = values.filter((name) => name.startsWith('v'));
  const chosen = new Map(outputs.map(({ value, at }) => [made[value % made.length], at]));
  for (const [name, at] of chosen) lines.push(`output ${name} @${at}`);
  return lines.join('\n');
}

test('a graph cut anywhere gives the bits of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(graph, async (shape) => {
      const model = modelOf(textOf(shape));
      const inputs: Record<string, Tensor> = {};
      shape.inputs.forEach((_, index) => {
        inputs[`x${index}`] = floats(index + 0.5, -1.25, 3, -index);
      });

      const placed: Pass[] = passes.map((pass) => (pass.name === 'place' ? asWritten(model) : pass));
      const { compilation, diagnostics, ok } = compile(model, { topology, passes: placed });
      expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(ok).toBe(true);
      const running = await startDeployment({ peers: peersOf(deploymentInMemory(compilation)), backend });
      const { outputs, status } = await running.invoke(inputs);
      await running.close();
      expect(status).toBe('complete');

      const bytes = Buffer.concat(exportModel(model, { external: 'inline' }).pieces as Uint8Array[]);
      const whole = await backend.loadModel(bytes);
      const expected = await whole.run(new Map(Object.entries(inputs)));
      await whole.release();
      for (const [name, tensor] of expected) {
        const actual = outputs[name]!;
        expect('bytes' in actual ? [...actual.bytes] : actual, name).toEqual([...tensor.bytes]);
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
