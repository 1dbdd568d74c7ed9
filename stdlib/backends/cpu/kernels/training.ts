// ai.onnx.preview.training: one step of an optimiser over any number of tensors.

import { kernels, type OpContext, Unsupported } from '../kernel.ts';
import { allocate, type Floats, familyOf, type NdArray, settled } from '../value.ts';

type Row = readonly number[];
/** New values of one element, given its parameter, gradient and states; the parameter first. */
type Update = (values: Row) => Row;

/** Inputs: rate, count of updates, then parameters, gradients and each state, `n` tensors of each. */
function optimizer(states: number, updateOf: (op: OpContext, rate: number, count: number) => Update) {
  return (op: OpContext, rate: NdArray, count: NdArray, ...rest: NdArray[]): readonly NdArray[] => {
    const n = rest.length / (2 + states);
    const update = updateOf(op, Number(rate.data[0]), Number(count.data[0]));
    const outputs: NdArray[] = [];
    for (let which = 0; which < n; which++) {
      const own = Array.from({ length: 2 + states }, (_, kind) => rest[kind * n + which]!);
      const [x] = own as [NdArray];
      if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
      const results = Array.from({ length: 1 + states }, () => allocate(x.dtype, x.data.length) as Floats);
      for (let at = 0; at < x.data.length; at++) {
        update(own.map((one) => one.data[at] as number)).forEach((value, kind) => {
          results[kind]![at] = value;
        });
      }
      results.forEach((data, kind) => {
        outputs[kind * n + which] = settled(x.dtype, x.dims, data);
      });
    }
    return outputs;
  };
}

export const training = kernels('ai.onnx.preview.training', {
  Adagrad: optimizer(1, (op, rate, count) => {
    const step = rate / (1 + count * op.float('decay_factor', 0));
    const [norm, epsilon] = [op.float('norm_coefficient', 0), op.float('epsilon', 0)];
    return ([x, g, h]) => {
      const gradient = norm * x! + g!;
      const squares = h! + gradient * gradient;
      return [x! - (step * gradient) / (Math.sqrt(squares) + epsilon), squares];
    };
  }),
  Momentum: optimizer(1, (op, rate, count) => {
    const [alpha, beta] = [op.float('alpha', 0), op.float('beta', 0)];
    const norm = op.float('norm_coefficient', 0);
    const nesterov = op.string('mode') === 'nesterov';
    return ([x, g, v]) => {
      const gradient = norm * x! + g!;
      const next = alpha * v! + (count > 0 ? beta : 1) * gradient;
      return [x! - rate * (nesterov ? gradient + alpha * next : next), next];
    };
  }),
  Adam: optimizer(2, (op, rate, count) => {
    const [alpha, beta] = [op.float('alpha', 0.9), op.float('beta', 0.999)];
    const [norm, after] = [op.float('norm_coefficient', 0), op.float('norm_coefficient_post', 0)];
    const epsilon = op.float('epsilon', 0);
    const step = count > 0 ? (rate * Math.sqrt(1 - beta ** count)) / (1 - alpha ** count) : rate;
    return ([x, g, v, h]) => {
      const gradient = norm * x! + g!;
      const mean = alpha * v! + (1 - alpha) * gradient;
      const squares = beta * h! + (1 - beta) * gradient * gradient;
      const next = x! - (step * mean) / (Math.sqrt(squares) + epsilon);
      return [(1 - after) * next, mean, squares];
    };
  }),
});
