import { describe, expect, test } from 'vitest';
import { plainModel } from '../../compiler/index.ts';
import type { Model, Tensor } from '../../ir/index.ts';
import { printModel } from '../../ir/print.ts';
import { cut, topologyOf } from '../support/compile.ts';

const one: Tensor = { dtype: 'float32', dims: [1], bytes: new Uint8Array(4) };

/** The programs of a model over a phone and a server. */
function programs(text: string): readonly Model[] {
  const { compilation, diagnostics } = cut(text, topologyOf('phone', 'server'));
  expect(diagnostics).toEqual([]);
  return compilation.deployment!.programs.map(({ model }) => model);
}

const overTwo = programs(`
  input x: float32[1] @phone
  weight trained: float32[1]
  weight start: float32[1]
  h = Mul(x, trained) @phone
  state = core.StateRead<key = "trained">(start) @server
  y = Add(h, state) @server
  there = core.Present(h) @server
  output y @server
  output there @server
`);

describe('plainModel', () => {
  test('gives a state its key for a name, also where a constant of another program has it', () => {
    const { model, diagnostics } = plainModel(overTwo, {
      state: new Map([['trained', one]]),
      outputs: ['y'],
    });
    expect(diagnostics).toEqual([]);
    expect(printModel(model!)).toMatchSnapshot();
  });

  test('refuses an output that is not plain ONNX, and says which op is not', () => {
    const { model, diagnostics } = plainModel(overTwo, { state: new Map() });
    expect(model).toBeUndefined();
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toMatchInlineSnapshot(`
      [
        "BB783 there cannot be exported: it depends on Present → there, of ai.bytesandbrains.core",
      ]
    `);
  });
});
