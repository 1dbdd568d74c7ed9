import { describe, expect, it } from 'vitest';
import {
  bool,
  cohort,
  collect,
  constant,
  type Environment,
  float32,
  input,
  module,
  on,
  output,
  peer,
  record,
  state,
} from '../../dsl/index.ts';
import { DiagnosticError, type Model } from '../../ir/index.ts';

/** Positions are lines of this file; nothing has a variable's name. */
const environment: Environment = {
  file: 'model.ts',
  open: (path) => {
    throw new Error(`no file ${path}`);
  },
  locate: (stack) => {
    const [, line, column] = /:(\d+):(\d+)\)?$/.exec(stack) ?? [];
    return line === undefined
      ? undefined
      : { at: { file: 'model.ts', line: Number(line), column: Number(column) } };
  },
};

const recorded = (body: () => void): Model => record(module('test', body), environment).model;

/** One line per op: `out: type = Op(in, in) @place`. */
function lines(model: Model): string[] {
  return [...model.opsOf()].map((op) => {
    const names = (ids: typeof op.inputs): string => ids.map((id) => model.value(id)?.name ?? '').join(', ');
    const place = op.place === undefined ? '' : ` @${op.place.class}.${op.place.binder.kind}`;
    return `${names(op.outputs)} = ${op.type}(${names(op.inputs)})${place}`;
  });
}

function codeOf(body: () => void): string {
  try {
    recorded(body);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics[0]!.code;
    throw error;
  }
  return 'none';
}

describe('recording', () => {
  it('records a small classifier with literals as constants', () => {
    const model = recorded(() => {
      const x = input('x', float32, ['N', 4]);
      const weight = constant(
        [
          [1, 0],
          [0, 1],
          [1, 0],
          [0, 1],
        ],
        float32,
      );
      output(
        'y',
        on(peer('server'), () => x.matmul(weight).add(0.5).softmax()),
      );
    });
    expect(lines(model)).toEqual([
      'matmul = MatMul(x, constant) @server.single',
      'add = Add(matmul, constant_1) @server.single',
      'y = Softmax(add) @server.single',
    ]);
    expect(model.value(model.mainGraph.outputs[0]!).type).toEqual({
      kind: 'tensor',
      dtype: 'float32',
      dims: ['N', 2],
    });
    expect(model.header.opsets.get('')).toBe(21);
  });

  it("refuses shapes that cannot meet, at the author's line", () => {
    expect(
      codeOf(() => {
        const x = input('x', float32, ['N', 4]);
        const w: ReturnType<typeof input> = constant(new Float32Array(6), float32, [3, 2]);
        output('y', x.matmul(w as never));
      }),
    ).toBe('BB302');
  });

  it("refuses a cohort's value elsewhere without collect", () => {
    const phones = cohort('phone');
    expect(
      codeOf(() => {
        const x = input('x', float32, [4], { at: phones.each });
        on(peer('server'), () => {
          output('y', x.mul(2) as never);
        });
      }),
    ).toBe('BB306');
  });

  it("collects a record of a cohort's values", () => {
    const phones = cohort('phone');
    const model = recorded(() => {
      const x = input('x', float32, [4], { at: phones.each });
      const got = collect(
        { x, n: x.reduceSum({ keepdims: false }) },
        { at: peer('server'), within: '2s', atLeast: 3 },
      );
      output('mean', got.x.mul(1).reduceMean({ axes: [0] }));
      output('who', got.senders);
    });
    expect(lines(model)[1]).toBe('x_1, n, who, missing = Collect(x, reduceSum) @server.single');
  });

  it('reads what was assigned before, and the committed value where the assignment may be declined', () => {
    const server = peer('server');
    const model = recorded(() => {
      const go = input('go', bool, []);
      const total = state('total', constant([0, 0], float32), { at: server });
      total.assign(total.read().add(1));
      output('a', total.read());
      total.assign(total.read().add(1).when(go));
      output('b', total.read());
    });
    expect(lines(model)).toEqual([
      'total = StateRead(constant) @server.single',
      'a = Add(total, constant_1)',
      ' = StateAssign(a) @server.single',
      'add = Add(a, constant_1)',
      'when = When(add, go)',
      ' = StateAssign(when) @server.single',
      'b = OrElse(when, a) @server.single',
    ]);
  });

  it('gives equal models when recorded twice', () => {
    const twice = module('twice', () => {
      const x = input('x', float32, [2]);
      output('y', x.relu().add(x));
    });
    const [a, b] = [record(twice, environment).model, record(twice, environment).model];
    expect(lines(a)).toEqual(lines(b));
  });

  it('puts ops of a module called twice into two scopes', () => {
    const layer = module('layer', (x: ReturnType<typeof relu>) => x.relu());
    const relu = () => input('x', float32, [2]);
    const model = recorded(() => output('y', layer(layer(relu()))));
    expect([...model.opsOf()].map((op) => op.scope)).toEqual(['layer', 'layer_1']);
  });
});
