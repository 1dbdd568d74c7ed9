import { describe, expect, test } from 'vitest';
import { pass } from '../../compiler/pass.ts';
import { bind } from '../../compiler/passes/bind.ts';
import { parseTopology } from '../../compiler/topology.ts';
import { cut, topologyOf } from '../support/compile.ts';

const counting = `
  input x: float32[N, 2] @phone
  weight start: float32[2]
  weight zero: int64[]
  w = core.StateRead<key = "mean", update = 1>(start) @server
  n = core.StateRead<key = "count">(zero) @server
  d = Add(x, w) @server
  m = ReduceMean<keepdims = 0>(d) @server
  core.StateAssign<key = "mean", update = 1>(w) @server
  core.StateAssign<key = "last">(m) @server
  output d @server
  output n @server
`;

describe('bind', () => {
  test('gives every program that computes a backend, and every state variable its key and type', () => {
    const { compilation, diagnostics } = cut(counting, topologyOf('phone', 'server'));
    expect(diagnostics).toEqual([]);
    const bound = compilation.deployment!.programs.map(({ name, slots, state }) => ({ name, slots, state }));
    expect(bound).toMatchInlineSnapshot(`
      [
        {
          "name": "phone",
          "slots": [],
          "state": [],
        },
        {
          "name": "server",
          "slots": [
            {
              "component": "onnxruntime",
              "name": "backend",
              "options": {},
              "role": "backend",
            },
          ],
          "state": [
            {
              "dtype": "int64",
              "key": "count",
              "scope": "member",
              "shape": [],
            },
            {
              "dtype": "float32",
              "key": "last",
              "scope": "member",
              "shape": [],
            },
            {
              "dtype": "float32",
              "key": "mean",
              "scope": "member",
              "shape": [
                2,
              ],
            },
          ],
        },
      ]
    `);
  });

  test('binds nothing where nothing is computed', () => {
    const text = 'input x: float32[2] @phone\noutput x @server';
    const { compilation } = cut(text, topologyOf('phone', 'server'));
    expect(compilation.deployment!.programs.map(({ slots, state }) => [slots, state])).toEqual([
      [[], []],
      [[], []],
    ]);
  });

  test('reports every class whose backend does not exist', () => {
    const classes = { phone: { backend: 'abacus' }, server: { backend: 'oracle' }, other: {} };
    const { topology } = parseTopology(JSON.stringify({ version: 1, classes }), 'topology.json');
    const { diagnostics } = cut(counting, topology!);
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'BB505 class phone asks for backend abacus, which does not exist',
      'BB505 class server asks for backend oracle, which does not exist',
    ]);
  });

  test('a program that it would leave without a backend stops the compilation', () => {
    const lazy = pass('bind', { ...bind, run: (compilation) => ({ ...compilation, level: 'bound' }) });
    const { diagnostics } = cut(counting, topologyOf('phone', 'server'), { bind: lazy });
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'BB506 pass bind broke an invariant: every program with segments has a backend (server has no backend)',
    ]);
  });
});
