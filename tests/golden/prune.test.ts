import { expect, test } from 'vitest';
import { compile } from '../../compiler/index.ts';
import { prune } from '../../compiler/passes/prune.ts';
import { chainTopology } from '../../compiler/topology.ts';
import { printModel } from '../../ir/index.ts';
import { modelOf } from '../support/model.ts';

const cx = { topology: chainTopology(1), report: () => {} };
const pruned = (text: string) => prune.run({ level: 'differentiated', model: modelOf(text) }, cx).model;
const opsOf = (text: string): readonly string[] => [...pruned(text).opsOf()].map((op) => op.type);

test('takes out ops that no output needs, and those that only they need', () => {
  const model = pruned(`
    input x: float32[2]
    a = Relu(x)
    b = Tanh(x)
    c = Neg(b)
    d, e = Split(a)
    output d
  `);
  expect(printModel(model)).toMatchInlineSnapshot(`
    "ir_version 10, opset {"": 21}
    main "test" (%x: float32[2]) => (%d) {
      %a = Relu(%x)
      %d, %e = Split(%a)
    }
    "
  `);
});

test('keeps what an assignment of state needs, though nothing reads it', () => {
  const text = `
    input x: float32[2]
    weight start: float32[2]
    w = core.StateRead<key = "w">(start)
    n = Add(w, x)
    lost = Neg(n)
    core.StateAssign<key = "w">(n)
    output x
  `;
  expect(opsOf(text)).toEqual(['StateRead', 'Add', 'StateAssign']);
});

test('gives the same model back if every op is needed', () => {
  const model = modelOf('input x: float32[2]\na = Relu(x)\noutput a');
  expect(prune.run({ level: 'differentiated', model }, cx).model).toBe(model);
});

test('a pass that is given less than it needs is a bug of ours, and stops the compilation', () => {
  const { diagnostics, ok } = compile(modelOf('input x: float32[2]\noutput x'), { ...cx, passes: [prune] });
  expect(ok).toBe(false);
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
    'BB506 pass prune broke an invariant: it needs level differentiated and was given recorded',
  ]);
});
