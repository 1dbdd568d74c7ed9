// What authors write computes the same in every opset, and has the shape that recording said.
import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  concat,
  constant,
  type Environment,
  float32,
  gemm,
  ifElse,
  input,
  loop,
  module,
  onnx,
  output,
  record,
  scan,
  split,
  type Tensor,
  type Value,
  where,
} from '../../dsl/index.ts';
import { exportModel, type Model, memorySource, readRange, type ValueType } from '../../ir/index.ts';

type X = Value<'float32', [2, 3], 'any'>;

const cases: Readonly<Record<string, (x: X) => Tensor>> = {
  'softmax over the last axis': (x) => x.softmax(),
  'sum over an axis': (x) => x.reduceSum({ axes: [1] }),
  'mean without the axis': (x) => x.reduceMean({ axes: [0], keepdims: false }),
  'maximum of all': (x) => x.reduceMax({ keepdims: false }),
  'an axis in and out': (x) => x.unsqueeze([1]).squeeze({ axes: [1] }),
  'values between bounds': (x) => x.clip({ min: -0.5, max: 0.5 }),
  'the largest index': (x) => x.argMax({ axis: 1, keepdims: false }),
  'a slice': (x) => x.slice([1], [3], { axes: [1] }),
  padding: (x) => x.pad([0, 1, 0, 1], { constantValue: 7 }),
  'two parts joined again': (x) => {
    const [a, b] = split(x.transpose(), { split: [1, 2] });
    return concat([b!, a!], { axis: 0 });
  },
  'the top of each row': (x) => x.topK([2]).values,
  'matrix products': (x) => x.matmul(x.transpose()).add(gemm(x, x, { transB: true, alpha: 2, c: 1 })),
  reshaping: (x) => x.reshape([3, -1]).reshape([0, 1, 2]).flatten(),
  choosing: (x) => where(x.greater(0), x, x.neg().exp().sub(1).mul(0.5)),
  casts: (x) => x.mul(100).cast({ to: 'int32' }).mod(7).cast({ to: float32 }).pow(2),
  normalising: (x) => x.sub(x.reduceMean({ axes: [1] })).div(x.reduceL2({ axes: [1] })),
};

const environment = (files: Readonly<Record<string, Uint8Array>> = {}): Environment => ({
  file: 'model.ts',
  open: (path) => memorySource(path, files[path]!),
  locate: () => undefined,
});

function bytesOf(model: Model): Uint8Array {
  const pieces = exportModel(model).pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : readRange(piece),
  );
  return Buffer.concat(pieces);
}

/** A model that gives what it takes, in some opset: importing it makes a recording take that opset. */
function identity(opset: number): Uint8Array {
  const body = module('identity', () => output('same', input('it', float32, [2, 3])));
  const editor = record(body, environment()).model.edit();
  editor.header = { ...editor.header, opsets: new Map([['', opset]]), irVersion: 8 };
  return bytesOf(editor.finish());
}

const data = Float32Array.from([0.5, -1.25, 2, -0.75, 0.25, 1.5]);

async function results(model: Model): Promise<{ dims: readonly number[]; data: number[] }[]> {
  const { InferenceSession: Session } = await import('onnxruntime-node');
  const session: InferenceSession = await Session.create(bytesOf(model), { logSeverityLevel: 4 });
  const fetched = await session.run({ x: new OrtTensor('float32', data, [2, 3]) });
  return session.outputNames.map((name) => {
    const { dims, data: values } = fetched[name]!;
    return { dims, data: Array.from(values as ArrayLike<number>, Number) };
  });
}

const recorded = (build: (x: X) => Tensor, opset?: number): Model => {
  const files: Record<string, Uint8Array> = opset === undefined ? {} : { './same.onnx': identity(opset) };
  const body = module('case', () => {
    const x = input('x', float32, [2, 3]);
    output('y', build(x));
    if (opset !== undefined) output('z', onnx('./same.onnx', { outputs: ['same'] })(x).same);
  });
  return record(body, environment(files)).model;
};

const dimsOf = (type: ValueType | undefined): readonly unknown[] | undefined =>
  type?.kind === 'tensor' ? type.dims : undefined;

describe('authored ops', () => {
  for (const [name, build] of Object.entries(cases)) {
    it(`compute ${name} with the shape that was recorded, alike in opsets 10, 11, 13, 18 and 21`, async () => {
      const model = recorded(build);
      expect(model.header.opsets.get('')).toBe(21);
      const [wanted] = await results(model);
      dimsOf(model.value(model.mainGraph.outputs[0]!).type)?.forEach((dim, index) => {
        if (dim !== null) expect(dim).toBe(wanted!.dims[index]);
      });
      for (const opset of [10, 11, 13, 18]) {
        const older = recorded(build, opset);
        expect(older.header.opsets.get('')).toBe(opset);
        expect((await results(older))[0]).toEqual(wanted);
      }
    });
  }

  it('run control flow recorded from callbacks', async () => {
    const looped = recorded((x) => {
      const { total, history } = loop({ total: x }, { count: 3 }, (state, index) => ({
        total: state.total.add(index.cast({ to: float32 })),
        history: state.total.reduceSum({ keepdims: false }),
      }));
      return total.add(history.reduceMax({ keepdims: false }));
    });
    const sum = data.reduce((a, b) => a + b);
    expect((await results(looped))[0]!.data).toEqual(Array.from(data, (one) => one + 3 + sum + 6));
    const swept = recorded((x) => {
      const { sums } = scan({ sum: constant([0, 0, 0]) }, { row: x }, (state, { row }) => {
        const next = state.sum.add(row);
        return { sum: next, sums: next };
      });
      return sums;
    });
    expect((await results(swept))[0]).toEqual({ dims: [2, 3], data: [0.5, -1.25, 2, -0.25, -1, 3.5] });
    const either = recorded((x) =>
      ifElse(
        x.reduceSum({ keepdims: false }).less(0),
        () => x,
        () => x.relu(),
      ),
    );
    expect((await results(either))[0]!.data).toEqual([0.5, 0, 2, 0, 0.25, 1.5]);
  });
});
