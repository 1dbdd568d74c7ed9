import { describe, expect, it } from 'vitest';
import {
  cohort,
  constant,
  type Environment,
  float32,
  input,
  module,
  on,
  output,
  peer,
  record,
  type Site,
  state,
  type Value,
} from '../../dsl/index.ts';
import { DiagnosticError, formatDiagnostic, printModel } from '../../ir/index.ts';

/** Calls are at lines 1, 2, 3 … in the order in which they are made; `names` gives variables by that number. */
function environment(names: Readonly<Record<number, string>> = {}): Environment {
  let line = 0;
  return {
    file: 'model.ts',
    open: () => {
      throw new Error('no files');
    },
    locate: (): Site => {
      line++;
      return { at: { file: 'model.ts', line }, ...(names[line] !== undefined && { name: names[line] }) };
    },
  };
}

const dense = module('dense', (x: Value<'float32', ['N', 4], string>) =>
  x.matmul(constant(new Float32Array(16), float32, [4, 4])).relu(),
);

const training = module('rounds', () => {
  const [server, phones] = [peer('server'), cohort('phone')];
  const x = input('x', float32, ['N', 4], { at: phones.each, private: true });
  const total = state('total', constant([0, 0, 0, 0]), { at: server });
  const local = on(phones.each, () =>
    dense(dense(x))
      .add(total.read())
      .reduceMean({ axes: [0], keepdims: false }),
  );
  const { values } = local.collect({ at: server, within: '2s', atLeast: 2 });
  const after = total.update((before) => before.add(values.reduceMean({ axes: [0], keepdims: false })));
  output('after', after.when(values.present()).orElse(0));
});

describe('a recording', () => {
  it('is one graph with places, scopes, names, lines and policies', () => {
    const { model } = record(training, environment({ 4: 'w', 6: 'hidden' }));
    expect(printModel(model)).toMatchInlineSnapshot(`
      "ir_version 10, opset {"": 21, "ai.bytesandbrains.core": 1}
      main "rounds" (%x: float32[N, 4] on phone.each private) => (%after: float32[4]) {
        %constant: float32[4] = {0, 0, 0, 0}
        %dense.w: float32[4, 4] = weight #38c42a85
        %constant_1: float32[4, 4] = weight #38c42a85
        %constant_2: int64[1] = {0}
        %constant_3: float32[] = {0}
        %constant_4: int64[1] = {4}
        %dense.matmul: float32[N, 4] = MatMul(%x, %dense.w)  # on phone.each, in dense, at model.ts:5
        %dense.hidden: float32[N, 4] = Relu(%dense.matmul)  # on phone.each, in dense, at model.ts:6
        %dense_1.matmul: float32[N, 4] = MatMul(%dense.hidden, %constant_1)  # on phone.each, in dense_1, at model.ts:8
        %dense_1.relu: float32[N, 4] = Relu(%dense_1.matmul)  # on phone.each, in dense_1, at model.ts:9
        %total: float32[4] = ai.bytesandbrains.core.StateRead<key="total">(%constant)  # on server, at model.ts:10
        %add: float32[N, 4] = Add(%dense_1.relu, %total)  # on phone.each, at model.ts:11
        %reduceMean: float32[4] = ReduceMean<keepdims=0>(%add, %constant_2)  # on phone.each, at model.ts:12
        %values: float32[?, 4], %senders: string[?], %missing: string[?] = ai.bytesandbrains.core.Collect<within_ns=2000000000, at_least=2>(%reduceMean)  # on server, at model.ts:13
        %total_1: float32[4] = ai.bytesandbrains.core.StateRead<key="total", update=0>(%constant)  # on server, at model.ts:14
        %reduceMean_1: float32[4] = ReduceMean<keepdims=0>(%values, %constant_2)  # on server, at model.ts:15
        %add_1: float32[4] = Add(%total_1, %reduceMean_1)  # on server, at model.ts:16
        ai.bytesandbrains.core.StateAssign<key="total", update=0>(%add_1)  # on server, at model.ts:14
        %present: bool[] = ai.bytesandbrains.core.Present(%values)  # at model.ts:17
        %when: float32[4] = ai.bytesandbrains.core.When(%add_1, %present)  # at model.ts:18
        %expand: float32 = Expand(%constant_3, %constant_4)  # at model.ts:19
        %after: float32[4] = ai.bytesandbrains.core.OrElse(%when, %expand)  # at model.ts:19
      }
      "
    `);
  });

  it('is the same text each time', () => {
    const [a, b] = [record(training, environment()), record(training, environment())];
    expect(printModel(a.model)).toBe(printModel(b.model));
  });
});

describe('a mistake', () => {
  const problem = (body: () => void): string => {
    try {
      record(module('mistake', body), environment());
    } catch (error) {
      if (error instanceof DiagnosticError) return error.diagnostics.map(formatDiagnostic).join('\n');
      throw error;
    }
    return 'none';
  };
  const [server, phones, sensors] = [peer('server'), cohort('phone'), cohort('sensor')];

  it('of place names both places and both lines', () => {
    expect(
      problem(() => {
        const x = input('x', float32, [4], { at: phones.each });
        on(server, () => output('y', x.mul(2)));
      }),
    ).toMatchInlineSnapshot(`
      "model.ts:2: error BB306: mul: a value at phone.each is used at server
        model.ts:1: x, at phone.each, is made here
        try: collect it: only collect brings the values of many members to one place"
    `);
    expect(
      problem(() => {
        const x = input('x', float32, [4], { at: phones.each });
        const y = input('y', float32, [4], { at: sensors.each });
        x.add(y as never);
      }),
    ).toMatchInlineSnapshot(`
      "model.ts:3: error BB306: add: a value at sensor.each is used at phone.each
        model.ts:2: y, at sensor.each, is made here
        model.ts:1: x, at phone.each, is made here
        try: collect it: only collect brings the values of many members to one place"
    `);
  });

  it('of shape, dtype, state, constant, duration or name says what is wrong and what to try', () => {
    const x = () => input('x', float32, ['N', 4]);
    const problems = [
      () => x().reshape([3, 3, -1, -1] as number[]),
      () => x().add(constant([1, 2, 3]) as never),
      () => x().add(constant([1n, 2n, 3n, 4n]) as never),
      () => (x() as unknown as { not(): void }).not(),
      () => state('s', constant([1]), { at: server }).assign(x() as never),
      () => [state('s', 1, { at: server }), state('s', 2, { at: server })],
      () => constant([[1, 2], [3]]),
      () => constant([1.5], 'int8'),
      () =>
        x()
          .mul(1)
          .collect({ within: '2 s' as never }),
      () => input('c', float32, [1], { at: phones.each }).collect({ within: '2 s' as never }),
      () => [x(), x()],
      () => x(),
      () => (x() as unknown as { relu(...more: number[]): void }).relu(1, 2),
      () => x().softmax({ axes: 1 } as never),
      () => output('y', undefined as never),
      () => {
        const q = x();
        q.linearAttention(q as never, q as never, { qNumHeads: 1, kvNumHeads: 1 } as never);
      },
    ].map((body) => problem(() => void body()).split('\n')[0]);
    expect(problems).toMatchInlineSnapshot(`
      [
        "model.ts:2: error BB302: reshape: only one dimension can be -1",
        "model.ts:3: error BB302: add: shapes do not broadcast: 4 and 3",
        "model.ts:3: error BB307: add: dtypes differ: float32 and int64",
        "model.ts:2: error BB307: not: x is float32, not bool",
        "model.ts:4: error BB313: state s: its shape is [1], the value's [N, 4]",
        "model.ts:2: error BB313: state s: another state has this name",
        "model.ts:1: error BB305: not a constant: the lists of one level do not have one length",
        "model.ts:1: error BB305: not a constant: 1.5 is not of dtype int8",
        "model.ts:3: error BB308: collect: no cohort has this value",
        "model.ts:2: error BB314: '2 s' is not a duration",
        "model.ts:2: error BB309: module mistake: the name x is taken by another input or output",
        "model.ts: error BB309: module mistake: it has no output",
        "model.ts:2: error BB308: relu: it takes x, an object of options",
        "model.ts:2: error BB308: softmax: there is no option axes",
        "model.ts:1: error BB303: output needs a value of the recording, not undefined",
        "model.ts:2: error BB315: LinearAttention exists from opset 27 on; programs can have 26 at most",
      ]
    `);
  });

  it('outside a module says so', () => {
    expect(() => input('x', float32, [1])).toThrow(
      /BB301: input was called while no module is being recorded/,
    );
    let leaked: Value | undefined;
    problem(() => {
      leaked = input('x', float32, [1]);
      output('y', leaked);
    });
    expect(problem(() => output('y', leaked!))).toMatch(/BB304/);
  });
});
