// The mean cross entropy over few classes, by plain ops. Backends without a kernel for it write it out in thirteen that
// serve every case; of these the gradient shares none, and of those below the labels.
//
//   loss = SoftmaxCrossEntropyLoss(z, labels)
//      →
//   l = LogSoftmax<axis = 1>(z)
//   h = OneHot<axis = 1>(labels, classes, [0, 1])
//   loss = Neg(ReduceMean(ReduceSum(Mul(l, h), 1)))

import type { Attribute, Tensor, ValueId } from '../../../ir/index.ts';
import { attributeString } from '../../../ir/index.ts';
import { rewrite } from '../../simplify/rewrite.ts';
import { int } from '../builder.ts';
import { MANY_CLASSES } from '../rules/losses.ts';

export const crossEntropy = rewrite('cross-entropy', {
  tolerance: 1e-6,
  ops: ['SoftmaxCrossEntropyLoss'],
  apply(op, bench) {
    const [scores, labels, weights] = op.inputs as [ValueId, ValueId, ValueId?];
    const [loss, logarithms] = op.outputs as [ValueId, ValueId?];
    const dims = bench.dims(scores);
    const classes = dims?.[1];
    if (weights || logarithms || op.attributes.some(({ name }) => name === 'ignore_index')) return false;
    if ((attributeString(op, 'reduction') ?? 'mean') !== 'mean' || dims?.length !== 2) return false;
    if (typeof classes !== 'number' || classes >= MANY_CLASSES) return false;
    if (bench.dtype(scores) !== 'float32' || bench.dtype(labels) !== 'int64') return false;
    const { name } = bench.value(loss);
    const constant = (tensor: Tensor): ValueId => bench.newConstant(op, tensor, `${name}_constant`);
    const int64 = (dims: readonly number[], value: number): ValueId =>
      constant({ dtype: 'int64', dims, bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer) });
    const made = (type: string, inputs: readonly ValueId[], ...attributes: readonly Attribute[]): ValueId => {
      const output = bench.newValue(op.graph, `${name}_${type}`);
      bench.insertBefore(op, { type, inputs, attributes, outputs: [output] });
      return output;
    };
    const bounds = constant({
      dtype: 'float32',
      dims: [2],
      bytes: new Uint8Array(Float32Array.of(0, 1).buffer),
    });
    const hot = made('OneHot', [labels, int64([], classes), bounds], int('axis', 1));
    const chosen = made('Mul', [made('LogSoftmax', [scores], int('axis', 1)), hot]);
    const each = made('ReduceSum', [chosen, int64([1], 1)], int('keepdims', 0));
    bench.replace(op, { type: 'Neg', inputs: [made('ReduceMean', [each], int('keepdims', 0))] });
    return true;
  },
});
