import { expect, test } from 'vitest';
import { costModel } from '../../compiler/cost.ts';
import { inferModel } from '../../compiler/infer/infer.ts';
import { nominalModel } from '../../compiler/nominal.ts';
import { float32, input, loop, module, output, scan, type Value } from '../../dsl/index.ts';
import { formatType, type Model } from '../../ir/index.ts';
import { recorded } from '../support/deploy.ts';
import { typedModel } from '../support/model.ts';

const operations = (model: Model, name: string): number =>
  costModel(model).operations([...model.opsOf()].find((op) => op.name === name)!);

test.each([
  [
    'Conv',
    'input x: float32[1,3,8,8]\nweight w: float32[16,3,3,3]\ny: float32[1,16,8,8] = Conv(x, w)',
    2 * 16 * 64 * 27,
  ],
  [
    'ConvTranspose',
    'input x: float32[1,3,8,8]\nweight w: float32[3,16,2,2]\ny: float32[1,16,16,16] = ConvTranspose(x, w)',
    2 * 192 * 64,
  ],
  ['MatMul', 'input x: float32[5,7]\nweight w: float32[7,9]\ny: float32[5,9] = MatMul(x, w)', 2 * 5 * 7 * 9],
  ['a product of vectors', 'input x: float32[7]\nweight w: float32[7]\ny: float32[] = MatMul(x, w)', 2 * 7],
  ['Gemm', 'input x: float32[5,7]\nweight w: float32[7,9]\ny: float32[5,9] = Gemm(x, w)', 2 * 5 * 7 * 9],
  [
    'LSTM',
    'input x: float32[6,2,3]\nweight w: float32[1,16,3]\nweight r: float32[1,16,4]\ny: float32[6,1,2,4] = LSTM(x, w, r)',
    2 * 12 * (48 + 64),
  ],
  ['elementwise', 'input x: float32[5,7]\ny = Add(x, x)', 35],
  ['a reduction', 'input x: float32[5,7]\ny: float32[5] = ReduceSum(x)', 35],
  ['an op that only renames', 'input x: float32[5,7]\ny: float32[35] = Reshape(x)', 1],
  ['open dimensions count as one', 'input x: float32[,7]\ny = Add(x, x)', 7],
])('%s', (_, text, expected) => {
  expect(operations(typedModel(`${text}\noutput y`), 'y')).toBe(expected);
});

test('an unknown value is guessed large on a link, and takes no memory for sure', () => {
  const model = typedModel('input x: float32\ny: float16[3] = Cast(x)\noutput y');
  const cost = costModel(model);
  const [x, y] = [model.mainGraph.inputs[0]!, model.mainGraph.outputs[0]!];
  expect(cost.transferBytes(x)).toBeGreaterThan(100_000);
  expect(cost.heldBytes(x)).toBe(0);
  expect(cost.transferBytes(y)).toBe(6);
});

test('nominal sizes are inferred from the inputs, a batch being one', () => {
  const nominal = nominalModel(
    typedModel('input x: float32[,3,,48]\ny: float32[,3,,48] = Relu(x)\noutput y'),
  );
  expect(formatType(nominal.value(nominal.mainGraph.outputs[0]!).type)).toBe('float32[1, 3, 320, 48]');
});

test('a model without open sizes stays as it is', () => {
  const model = typedModel('input x: float32[3]\ny = Relu(x)\noutput y');
  expect(nominalModel(model)).toBe(model);
});

/** Six products of a row and a 4 × 4 matrix, and as many additions, whichever op repeats them. */
const repeated = {
  Loop: (x: Row, w: Matrix) => loop({ h: x }, { count: 6 }, ({ h }) => ({ h: h.matmul(w).add(1) })).h,
  Scan: (x: Row, w: Matrix, rows: Value<'float32', [6, 1, 4], 'any'>) =>
    scan({ h: x }, { row: rows }, ({ h }, { row }) => ({ h: h.matmul(w).add(row) })).h,
};
type Row = Value<'float32', [1, 4], 'any'>;
type Matrix = Value<'float32', [4, 4], 'any'>;
test.each(['Loop', 'Scan'] as const)('the body of a %s counts as often as it runs', (type) => {
  const source = module('repeated', () => {
    const [x, w] = [input('x', float32, [1, 4]), input('w', float32, [4, 4])];
    const rows = input('rows', float32, [6, 1, 4]);
    output('y', repeated[type](x, w, rows));
  });
  const { model } = inferModel(recorded(source));
  const op = [...model.opsOf()].find((one) => one.type === type)!;
  const count = costModel(model).operations(op);
  const once = 2 * 16 + 4;
  expect(count).toBeGreaterThanOrEqual(6 * once);
  expect(count).toBeLessThan(7 * once);
});
