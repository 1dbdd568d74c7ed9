// bbc import: what it writes records the same graph, and reads as somebody would have written it.

import { describe, expect, test } from 'vitest';
import type { DiagnosticError } from '../../ir/index.ts';
import { importedText } from '../support/imported.ts';

const bodyOf = (source: string): string =>
  source.slice(source.indexOf('export default')).split('\n').slice(1, -2).join('\n');

async function bodyFor(text: string): Promise<string> {
  const { source, differences } = await importedText(text);
  expect(differences).toEqual([]);
  return bodyOf(source);
}

const model = (text: string, opset = 21): string =>
  `<ir_version: 10, opset_import: ["" : ${opset}]>\n${text}`;

describe('the source of', () => {
  test('a chain is a chain of methods', async () => {
    const body = await bodyFor(
      model(`m (float["N", 4] x) => (float["N", 4] y) {
        half = Constant <value = float {0.5}> ()
        a = Mul (x, half)
        b = Relu (a)
        y = Softmax <axis = -1> (b)
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, ['N', 4]);
        const y = x.mul(0.5).relu().softmax();
        output('y', y.as(float32, ['N', 4]));"
    `);
  });

  test('values that are read twice have their names, as identifiers', async () => {
    const body = await bodyFor(
      model(`m (float[4] "in") => (float[4] y) {
        "/block.0/Relu_output_0" = Relu ("in")
        "/block.1/Relu_output_0" = Neg ("/block.0/Relu_output_0")
        "12" = Add ("/block.0/Relu_output_0", "/block.1/Relu_output_0")
        class = Abs ("12")
        y = Sub (class, "12")
        z = Mul ("/block.1/Relu_output_0", "12")
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const inValue = input('in', float32, [4]);
        const relu = inValue.relu();
        const block1Relu = relu.neg();
        const add12 = relu.add(block1Relu);
        const y = add12.abs().sub(add12);
        output('y', y.as(float32, [4]));"
    `);
  });

  test('large weights refers to the file', async () => {
    const body = await bodyFor(
      model(`m (float[1, 8] x) => (float[1, 2] y)
      <float[8, 2] "dense/kernel" = {0.1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}>
      { y = MatMul (x, "dense/kernel") }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [1, 8]);
        output('y', x.matmul(weight('dense/kernel', float32, [8, 2])).as(float32, [1, 2]));"
    `);
  });

  test('ops with several outputs names those that are used', async () => {
    const body = await bodyFor(
      model(`m (float[2, 6] x) => (float[2, 3] a, int64[2, 2] i) {
        sizes = Constant <value_ints = [3, 3]> ()
        a, b = Split <axis = 1> (x, sizes)
        k = Constant <value_ints = [2]> ()
        v, i = TopK (b, k)
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2, 6]);
        const [a, b] = x.split({ split: [3, 3], axis: 1 });
        const { indices: i } = b.topK([2]);
        output('a', a.as(float32, [2, 3]));
        output('i', i.as(int64, [2, 2]));"
    `);
  });

  test('blocks that differ in their weights is a loop over the names of these', async () => {
    const layers = [0, 1, 2];
    const weights = layers.map(
      (at) => `float[2, 2] "w${at}" = {0.5, 1.5, ${at}.0, 4.0}, float[2] "b${at}" = {${at}.0, 1.0}`,
    );
    const ops = layers.map(
      (at) =>
        `m${at} = MatMul (${at === 0 ? 'x' : `r${at - 1}`}, "w${at}")  a${at} = Add (m${at}, "b${at}")  r${at} = Relu (a${at})`,
    );
    const body = await bodyFor(
      model(
        `m (float["N", 2] x) => (float["N", 2] y) <${weights.join(', ')}> { ${ops.join('\n')}  y = Neg (r2) }`,
      ),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, ['N', 2]);
        let r2 = x.as(float32, ['N', 2]);
        for (const { matmulB, addB } of [
          { matmulB: 'w0', addB: 'b0' },
          { matmulB: 'w1', addB: 'b1' },
          { matmulB: 'w2', addB: 'b2' },
        ]) {
          const a0 = r2.matmul(weight(matmulB, float32, [2, 2])).add(weight(addB, float32, [2]));
          r2 = a0.relu().as(float32, ['N', 2]);
        }
        output('y', r2.neg().as(float32, ['N', 2]));"
    `);
  });

  test('two values that blocks hand on changes both at once', async () => {
    const steps = [0, 1, 2].map(
      (at) => `h${at + 1} = Mul (c${at}, "w${at}")  c${at + 1} = Add (h${at}, h${at + 1})`,
    );
    const weights = [0, 1, 2].map((at) => `float[1] "w${at}" = {${at}.5}`);
    const body = await bodyFor(
      model(`m (float[2] h0, float[2] c0) => (float[2] y) <${weights.join(', ')}> {
        ${steps.join('\n')}
        y = Sub (h3, c3)
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const h0 = input('h0', float32, [2]);
        const c0 = input('c0', float32, [2]);
        let c3 = c0.as(float32, [2]);
        let h3 = h0.as(float32, [2]);
        for (const mulB of ['w0', 'w1', 'w2']) {
          const h1 = c3.mul(weight(mulB, float32, [1]));
          const c1 = h3.add(h1);
          c3 = c1.as(float32, [2]);
          h3 = h1.as(float32, [2]);
        }
        output('y', h3.sub(c3).as(float32, [2]));"
    `);
  });

  test('control flow is callbacks', async () => {
    const body = await bodyFor(
      model(`m (float[2] x, bool c, int64 n) => (float[2] y, float["k", 2] rows) {
        z = If (c) <
          then_branch = yes () => (float[2] p) { p = Neg (x) },
          else_branch = no () => (float[2] q) { q = Identity (x) }
        >
        y, rows = Loop (n, c, z) <
          body = step (int64 i, bool go, float[2] s) => (bool on, float[2] t, float[2] row) {
            on = Identity (go)
            t = Add (s, x)
            row = Mul (t, s)
          }
        >
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2]);
        const c = input('c', bool, []);
        const n = input('n', int64, []);
        const z = ifElse(
          c,
          () => x.neg(),
          () => x.identity(),
        );
        const { y, rows } = loop({ y: z }, { count: n, while: c }, ({ y: s }) => {
          const t = s.add(x);
          const row = t.mul(s);
          return { y: t, rows: row };
        });
        output('y', y.as(float32, [2]));
        output('rows', rows.as(float32, ['k', 2]));"
    `);
  });

  test('what old opsets have in attributes is what the newest has', async () => {
    const body = await bodyFor(
      model(
        `m (float[2, 3] x) => (float[2, 1] y) { r = ReduceSum <axes = [1], keepdims = 1> (x)  y = Clip <max = 6.0> (r) }`,
        9,
      ),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2, 3]);
        const y = x.reduceSum({ axes: [1] }).clip({ max: 6 });
        output('y', y.as(float32, [2, 1]));"
    `);
  });

  test('an opset above the default states it', async () => {
    const { source, differences } = await importedText(
      model('m (float[2] x) => (float[2] y) { y = Relu (x) }', 24),
    );
    expect(differences).toEqual([]);
    expect(source).toContain("module('model', { opset: 24 }, () => {");
  });

  test('sequences and optionals states their types', async () => {
    const body = await bodyFor(
      model(`m (seq(float[2]) xs, optional(float[3]) o) => (float[2] y, float[3] e) {
        first = Constant <value_int = 0> ()
        y = SequenceAt (xs, first)
        e = OptionalGetElement (o)
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const xs = input('xs', sequenceOf(float32, [2]));
        const o = input('o', optionalOf(float32, [3]));
        output('y', xs.sequenceAt(0).as(float32, [2]));
        output('e', o.optionalGetElement().as(float32, [3]));"
    `);
  });

  test('optionals that hold nothing, and loops that begin with one', async () => {
    const body = await bodyFor(
      model(`m (bool c, int64 n, optional(seq(float)) o) => (optional(seq(float[5])) s, seq(float) r) {
        s = If (c) <
          then_branch = yes () => (optional(seq(float[5])) e) { e = Optional <type = seq(float[5])> () },
          else_branch = no () => (optional(seq(float[5])) f) {
            x = Constant <value = float[5] {1, 2, 3, 4, 5}> ()
            q = SequenceConstruct (x)
            f = Optional (q)
          }
        >
        r = Loop (n, c, o) <
          body = step (int64 i, bool go, optional(seq(float)) before) => (bool on, seq(float) after) {
            on = Identity (go)
            x2 = Constant <value = float {0}> ()
            one = SequenceConstruct (x2)
            after = SequenceInsert (one, x2)
          }
        >
      }`),
    );
    expect(body).toMatchInlineSnapshot(`
      "  const c = input('c', bool, []);
        const n = input('n', int64, []);
        const o = input('o', optionalOf(sequenceOf(float32, [])));
        const s = ifElse(
          c,
          () => optionalEmpty(sequenceOf(float32, [5])),
          () => sequenceConstruct([constant([1, 2, 3, 4, 5], float32)]).optional(),
        );
        const { r } = loop({ r: o }, { count: n, while: c }, (_) => {
          const after = sequenceConstruct([constant(0, float32)]).sequenceInsert(constant(0, float32));
          return { r: after };
        });
        output('s', s.as(optionalOf(sequenceOf(float32, [5]))));
        output('r', r.as(sequenceOf(float32, [])));"
    `);
  });
});

describe('it refuses, by name,', () => {
  const codesFor = async (text: string): Promise<readonly string[]> =>
    importedText(text).then(
      () => [],
      (error: unknown) => (error as DiagnosticError).diagnostics.map((one) => `${one.code} ${one.message}`),
    );

  test('operators of others', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 21, "x" : 1]> m (float[2] x) => (float[2] y) { y = x.F (x) }`;
    expect(await codesFor(text)).toEqual(['BB386 x.F has no function in the DSL']);
  });
  test('attributes that an operator does not have', async () => {
    const text = model('m (float[2] x) => (float[2] y) { y = Relu <slope = 1.0> (x) }');
    expect(await codesFor(text)).toEqual(['BB387 Relu: attribute slope cannot be written in TypeScript']);
  });
  test('maps', async () => {
    const text = model('m (map(int64, float) x) => (map(int64, float) y) { y = Identity (x) }');
    expect(await codesFor(text)).toEqual([
      'BB388 x is map(int64, float32[]), which no value of a module can be',
    ]);
  });
});
