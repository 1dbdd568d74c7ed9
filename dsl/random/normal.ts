// Normal numbers as a function of plain ONNX ops over float64: the algorithm of quantile.ts, op by op.

import { elemTypeOf, type ValueId } from '../../ir/index.ts';
import type { Body, FunctionRecipe } from './function.ts';
import { type Arithmetic, normalQuantile } from './quantile.ts';

const ops = (body: Body): Arithmetic<ValueId> => ({
  number: (value) => body.constant('float64', [value]),
  add: (a, b) => body.op('Add', [a, b]),
  subtract: (a, b) => body.op('Sub', [a, b]),
  multiply: (a, b) => body.op('Mul', [a, b]),
  divide: (a, b) => body.op('Div', [a, b]),
  squareRoot: (a) => body.op('Sqrt', [a]),
  choose: (a, b, then, otherwise) => body.op('Where', [body.op('Less', [a, b]), then, otherwise]),
});

/** Random words [n] → normal numbers [n], float64. */
export const normalNumbers: FunctionRecipe = {
  name: 'NormalNumbers',
  inputs: ['words'],
  body: (body, _, words) => normalQuantile(ops(body), body.cast(words!, elemTypeOf('float64'))),
};
