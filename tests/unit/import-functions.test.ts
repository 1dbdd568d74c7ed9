// Functions in what bbc import writes: groups of ops that recur, apart from each other, with other weights or sizes.

import { describe, expect, test } from 'vitest';
import { findFunctions } from '../../cli/import/functions.ts';
import { importSource } from '../../cli/import/import.ts';
import { Names } from '../../cli/import/names.ts';
import { Values } from '../../cli/import/values.ts';
import { inferModel } from '../../compiler/infer/infer.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { importedText } from '../support/imported.ts';

const model = (text: string): string => `<ir_version: 10, opset_import: ["" : 21]>\n${text}`;

/** What is written before the module, and the module's body; the source was seen to record the model. */
async function written(text: string): Promise<{ functions: string; body: string }> {
  const { source, differences } = await importedText(text);
  expect(differences).toEqual([]);
  const [head = '', body = ''] = source.split('export default ');
  return {
    functions: head.slice(head.indexOf('\n\n', head.indexOf('const weight'))).trim(),
    body: body.split('\n').slice(1, -2).join('\n'),
  };
}

const block = (at: number, from: string, shape: string): string =>
  `c${at} = Conv <group = 1, kernel_shape = [1, 1], pads = [0, 0, 0, 0], strides = [${at + 1}, 1]> (${from}, w${at}, b${at})
   m${at} = Mul (c${at}, s${at})
   r${at} = Relu (m${at})
   ${shape}`;
const weightsOf = (at: number, from: number, to: number): string =>
  `float[${to}, ${from}, 1, 1] w${at} = {${Array.from({ length: from * to }, (_, one) => `${one}.5`)}}, float[${to}] b${at} = {${Array.from({ length: to }, (_, one) => `${at + one}.0`)}}, float[1] s${at} = {${at}.25}`;

describe('a function', () => {
  test('is written for a row of ops that recurs with other weights, sizes and attributes', async () => {
    const text = model(`m (float[1, 2, 8, 8] x) => (float["a", "b", "c", "d"] y)
      <${weightsOf(0, 2, 2)}, ${weightsOf(1, 2, 4)}, ${weightsOf(2, 4, 2)}>
      {
        ${block(0, 'x', 'p0 = Tanh (r0)')}
        ${block(1, 'p0', 'p1 = Sqrt (r1)')}
        ${block(2, 'p1', 'y = Neg (r2)')}
      }`);
    const { functions, body } = await written(text);
    expect(functions).toMatchInlineSnapshot(`
      "interface ConvBlock {
        readonly w: Tensor<'float32'>;
        readonly b: Tensor<'float32'>;
        readonly scale: Tensor<'float32'>;
        readonly strides: readonly number[];
      }
      const convBlock = module('convBlock', (x: Tensor<'float32'>, { w, b, scale, strides }: ConvBlock) => {
        const m0 = x.conv(w, { b, kernelShape: [1, 1], pads: [0, 0, 0, 0], strides }).mul(scale);
        return m0.relu();
      });"
    `);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [1, 2, 8, 8]);
        const r0 = convBlock(x, {
          w: constant([[[[0.5]], [[1.5]]], [[[2.5]], [[3.5]]]], float32),
          b: constant([0, 1], float32),
          scale: constant([0.25], float32),
          strides: [1, 1],
        });
        const r1 = convBlock(r0.tanh(), {
          w: weight('w1', float32, [4, 2, 1, 1]),
          b: constant([1, 2, 3, 4], float32),
          scale: constant([1.25], float32),
          strides: [2, 1],
        });
        const r2 = convBlock(r1.sqrt(), {
          w: weight('w2', float32, [2, 4, 1, 1]),
          b: constant([2, 3], float32),
          scale: constant([2.25], float32),
          strides: [3, 1],
        });
        output('y', r2.neg().as(float32, [1, 2, 2, 8]));"
    `);
  });

  test('is named after the scope whose ops it holds', async () => {
    const gate = (path: string, from: string, to: string): string =>
      `["${path}/MatMul"] "${path}/h" = MatMul (${from}, "${path}/w")
       ["${path}/Sigmoid"] "${path}/s" = Sigmoid ("${path}/h")
       ["${path}/Mul"] "${path}/p" = Mul ("${path}/h", "${path}/s")
       ["${path}/Add"] ${to} = Add ("${path}/p", ${from})`;
    const paths = ['/enc/gate.0', '/dec/gate.1', '/dec/gate.2'];
    const weights = paths.map((path, at) => `float[2, 2] "${path}/w" = {${at}.5, 1.0, 2.0, 3.0}`);
    const text = model(`m (float["N", 2] x) => (float["N", 2] y) <${weights.join(', ')}> {
      ${gate(paths[0]!, 'x', 'a')}
      b = Relu (a)
      ${gate(paths[1]!, 'b', 'c')}
      d = Tanh (c)
      ${gate(paths[2]!, 'd', 'y')}
    }`);
    const { functions, body } = await written(text);
    expect(functions).toMatchInlineSnapshot(`
      "interface Gate {
        readonly w: Tensor<'float32'>;
      }
      const gate = module('gate', (x: Tensor<'float32'>, { w }: Gate) => {
        const h = x.matmul(w);
        return h.mul(h.sigmoid()).add(x);
      });"
    `);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, ['N', 2]);
        const b = gate(x, { w: constant([[0.5, 1], [2, 3]], float32) }).relu();
        const d = gate(b, { w: constant([[1.5, 1], [2, 3]], float32) }).tanh();
        output('y', gate(d, { w: constant([[2.5, 1], [2, 3]], float32) }).as(float32, ['N', 2]));"
    `);
  });

  test('gives several results, and is called in branches', async () => {
    const half = (at: number, from: string): string =>
      `a${at} = Mul (${from}, v${at})  b${at} = Tanh (a${at})  c${at} = Add (b${at}, v${at})
       d${at} = Sub (b${at}, c${at})  e${at} = Exp (d${at})  g${at} = Sin (e${at})  h${at} = Erf (g${at})`;
    const text = model(`m (float[2] x, bool c) => (float[2] y)
      <float[2] v0 = {1, 2.5}, float[2] v1 = {3, 4.5}, float[2] v2 = {5, 6.5}> {
      ${half(0, 'x')}
      f = Div (c0, h0)
      y = If (c) <
        then_branch = yes () => (float[2] p) { ${half(1, 'f')}  p = Max (c1, h1) },
        else_branch = no () => (float[2] q) { ${half(2, 'f')}  q = Min (c2, h2) }
      >
    }`);
    const { functions, body } = await written(text);
    expect(functions).toMatchInlineSnapshot(`
      "interface Gelu {
        readonly scale: Tensor<'float32'>;
      }
      const gelu = module('gelu', (x: Tensor<'float32'>, { scale }: Gelu) => {
        const b0 = x.mul(scale).tanh();
        const c0 = b0.add(scale);
        const g0 = b0.sub(c0).exp().sin();
        const h0 = g0.erf();
        return { c0, h0 };
      });"
    `);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2]);
        const c = input('c', bool, []);
        const { c0, h0 } = gelu(x, { scale: constant([1, 2.5], float32) });
        const f = c0.div(h0);
        const y = ifElse(
          c,
          () => {
            const { c0: c1, h0: h1 } = gelu(f, { scale: constant([3, 4.5], float32) });
            return max([c1, h1]);
          },
          () => {
            const { c0: c2, h0: h2 } = gelu(f, { scale: constant([5, 6.5], float32) });
            return min([c2, h2]);
          },
        );
        output('y', y.as(float32, [2]));"
    `);
  });

  test('is called in a branch before the ops of which it was written', async () => {
    const chain = (at: number, from: string, to: string): string =>
      `a${at} = Mul (${from}, v${at})  b${at} = Tanh (a${at})  d${at} = Sin (b${at})  e${at} = Exp (d${at})
       ${to} = Erf (e${at})`;
    const text = model(`m (float[2] x, bool c) => (float[2] y)
      <float[2] v0 = {1, 2.5}, float[2] v1 = {3, 4.5}, float[2] v2 = {5, 6.5}> {
      i = If (c) <then_branch = yes () => (float[2] p) { ${chain(0, 'x', 'p')} }, else_branch = no () => (float[2] q) { q = Neg (x) }>
      j = Abs (i)
      ${chain(1, 'j', 'k')}
      l = Cos (k)
      ${chain(2, 'l', 'y')}
    }`);
    const { body } = await written(text);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2]);
        const c = input('c', bool, []);
        const i = ifElse(
          c,
          () => gelu(x, { scale: constant([1, 2.5], float32) }),
          () => x.neg(),
        );
        const y = gelu(gelu(i.abs(), { scale: constant([3, 4.5], float32) }).cos(), {
          scale: constant([5, 6.5], float32),
        });
        output('y', y.as(float32, [2]));"
    `);
  });

  test('is not written for ops that read each other in another way', async () => {
    const text = model(`m (float[2] x) => (float[2] y) {
      a = Exp (x)  b = Tanh (a)  c = Sub (b, a)  d = Exp (c)
      e = Neg (d)
      f = Exp (e)  g = Tanh (f)  h = Sub (f, g)  i = Exp (h)
      j = Abs (i)
      k = Exp (j)  l = Tanh (j)  n = Sub (k, l)  y = Exp (n)
    }`);
    expect((await written(text)).functions).toBe('');
  });

  test('calls another one', async () => {
    const inner = (name: string, from: string, weight: string): string =>
      `${name}a = Mul (${from}, ${weight})  ${name}b = Sin (${name}a)  ${name} = Cos (${name}b)`;
    const outer = (name: string, from: string, at: number): string =>
      `${inner(`${name}x`, from, `v${at}`)}  ${name}y = Abs (${name}x)  ${name}z = Neg (${name}y)
       ${inner(`${name}u`, `${name}z`, `v${at + 1}`)}  ${name} = Floor (${name}u)`;
    const weights = Array.from({ length: 7 }, (_, at) => `float[2] v${at} = {1, ${at}.5}`);
    const text = model(`m (float[2] x) => (float[2] y) <${weights.join(', ')}> {
      ${outer('p', 'x', 0)}
      q = Erf (p)
      ${outer('r', 'q', 2)}
      s = Exp (r)
      ${inner('t', 's', 'v4')}
      w = Sqrt (t)
      ${outer('y', 'w', 5)}
    }`);
    const { functions } = await written(text);
    expect(functions).toMatchInlineSnapshot(`
      "interface Block2 {
        readonly scale: Tensor<'float32'>;
      }
      const block2 = module('block2', (x: Tensor<'float32'>, { scale }: Block2) => x.mul(scale).sin().cos());

      interface Block {
        readonly scale: Tensor<'float32'>;
        readonly scale2: Tensor<'float32'>;
      }
      const block = module('block', (x: Tensor<'float32'>, { scale, scale2 }: Block) => {
        const py = block2(x, { scale }).abs();
        return block2(py.neg(), { scale: scale2 }).floor();
      });"
    `);
  });
});

test('the ops looked at per op stay the same from 1,000 to 8,000 ops', async () => {
  const effortOf = (count: number): number => {
    // Blocks of six ops in an irregular order.
    let seed = 1;
    const next = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const blocks = ['Mul Tanh Sin Exp Erf Abs', 'Neg Cos Mul Sqrt Floor Ceil', 'Exp Mul Neg Sin Mul Tanh'];
    const types = Array.from({ length: count / 6 }, () => blocks[next(3)]!.split(' ')).flat();
    const lines = types.map((type, at) => `v${at + 1} = ${type} (v${at}${type === 'Mul' ? `, w${at}` : ''})`);
    const weights = types.flatMap((type, at) => (type === 'Mul' ? [`float[1] w${at} = {${at}.5}`] : []));
    const text = model(
      `m (float[1] v0) => (float[1] v${types.length}) <${weights.join(', ')}> { ${lines.join('\n')} }`,
    );
    const { model: read } = importModel(memorySource('m.onnxtxt', new TextEncoder().encode(text)));
    const typed = inferModel(read!).model;
    const values = new Values(typed, new Names(), { weights: undefined, tensors: new Map() });
    const items = [...typed.opsOf(typed.main)].map((op) => ({ kind: 'op' as const, op }));
    const effort = { spent: 0 };
    const functions = findFunctions(values, [{ graph: typed.main, items }], effort);
    expect(functions.length).toBeGreaterThan(2);
    return effort.spent / count;
  };
  const [small, large] = [effortOf(498), effortOf(3996)];
  expect(large).toBeLessThan(1.5 * small);
  expect(large).toBeLessThan(400);
});

test('two imports of a model give the same bytes', async () => {
  const text = model(`m (float[1, 2, 8, 8] x) => (float["a", "b", "c", "d"] y)
    <${weightsOf(0, 2, 2)}, ${weightsOf(1, 2, 4)}>
    { ${block(0, 'x', 'p0 = Tanh (r0)')} ${block(1, 'p0', 'y = Sqrt (r1)')} }`);
  const once = (): string => {
    const { model: read } = importModel(memorySource('model.onnxtxt', new TextEncoder().encode(text)));
    return importSource(read!, { name: 'm', weights: './model.onnxtxt' }).text;
  };
  expect(once()).toBe(once());
});

describe('functions that the model defines', () => {
  const local = `<domain: "local", opset_import: ["" : 21]>`;
  const header = `<ir_version: 10, opset_import: ["" : 21, "local" : 1]>`;

  test('are written out, with the attributes of the call, and are functions again', async () => {
    const text = `${header} m (float[2] x) => (float[2] y) {
        a = local.Gate <slope = 0.5> (x)
        b = Sin (a)
        c = local.Gate (b)
        d = Cos (c)
        y = local.Gate <slope = 0.25> (d)
      }
      ${local} Gate <slope: float = 0.125> (in) => (out) {
        l = LeakyRelu <alpha: float = @slope> (in)
        p = Mul (l, in)
        n = local.Norm (p)
        out = Tanh (n)
      }
      ${local} Norm (v) => (w) { s = Sqrt (v)  w = Div (v, s) }`;
    const { functions, body } = await written(text);
    expect(functions).toMatchInlineSnapshot(`
      "interface Gate {
        readonly alpha: number;
      }
      const gate = module('gate', (x: Tensor<'float32'>, { alpha }: Gate) => {
        const p = x.leakyRelu({ alpha }).mul(x);
        return p.div(p.sqrt()).tanh();
      });"
    `);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2]);
        const b = gate(x, { alpha: 0.5 }).sin();
        const d = gate(b, { alpha: 0.125 }).cos();
        output('y', gate(d, { alpha: 0.25 }).as(float32, [2]));"
    `);
  });

  test('may hand on what they get, leave out what they are not given, and hold branches', async () => {
    const text = `${header} m (float[2] x, bool k) => (float[2] y, float[2] z) {
        y, z = local.Pair (x, k)
      }
      ${local} Pair <low> (v, c) => (same, w) {
        same = Identity (v)
        r = If (c) <
          then_branch = yes () => (p) { p = Neg (v) },
          else_branch = no () => (q) { q = HardSigmoid <alpha: float = @low> (v) }
        >
        w = Add (r, v)
      }`;
    const { body } = await written(text);
    expect(body).toMatchInlineSnapshot(`
      "  const x = input('x', float32, [2]);
        const k = input('k', bool, []);
        const r = ifElse(
          k,
          () => x.neg(),
          () => x.hardSigmoid(),
        );
        output('y', x.identity().as(float32, [2]));
        output('z', r.add(x).as(float32, [2]));"
    `);
  });

  test('that call themselves are refused', async () => {
    const text = `${header} m (float[2] x) => (float[2] y) { y = local.F (x) }
      ${local} F (v) => (w) { u = Neg (v)  w = local.F (u) }`;
    await expect(written(text)).rejects.toThrow(/BB386|local.F/);
  });
});
