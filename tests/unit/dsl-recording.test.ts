import { describe, expect, it } from 'vitest';
import {
  bool,
  cohort,
  collect,
  constant,
  type Environment,
  float32,
  ifElse,
  input,
  loop,
  module,
  on,
  output,
  peer,
  record,
  scan,
  state,
} from '../../dsl/index.ts';
import { capturesOf, DiagnosticError, formatType, type Model, subgraphsOf } from '../../ir/index.ts';

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

describe('control flow', () => {
  it('records both branches of an If as subgraphs that read values around them', () => {
    const model = recorded(() => {
      const x = input('x', float32, [2]);
      const positive = x.reduceSum({ keepdims: false }).greater(0);
      output(
        'y',
        ifElse(
          positive,
          () => x.relu(),
          () => x,
        ),
      );
    });
    const [op] = [...model.opsOf()].slice(-1);
    expect(op!.type).toBe('If');
    const bodies = subgraphsOf(op!).map((id) => [...model.opsOf(id)].map((inner) => inner.type));
    expect(bodies).toEqual([['Relu'], ['Identity']]);
    expect(capturesOf(model, op!).map((id) => model.value(id).name)).toEqual(['x']);
    expect(formatType(model.value(op!.outputs[0]!).type)).toBe('float32[2]');
  });

  it('carries state through a Loop and stacks the rest', () => {
    const model = recorded(() => {
      const x = input('x', float32, [2]);
      const { total, history } = loop({ total: x }, { count: 3 }, (state, index) => ({
        total: state.total.add(index.cast({ to: float32 })),
        history: state.total,
        while: state.total.reduceSum({ keepdims: false }).less(100),
      }));
      output('total', total);
      output('history', history);
    });
    const [op] = [...model.opsOf()].filter((one) => one.type === 'Loop');
    expect(op!.outputs.map((id) => formatType(model.value(id).type))).toEqual([
      'float32[2]',
      'float32[?, 2]',
    ]);
    const body = model.graph(subgraphsOf(op!)[0]!);
    expect([body.inputs.length, body.outputs.length]).toEqual([3, 3]);
  });

  it('scans over rows', () => {
    const model = recorded(() => {
      const x = input('x', float32, [5, 2]);
      const { sum, sums } = scan({ sum: constant([0, 0]) }, { x }, (state, row) => {
        const sum = state.sum.add(row.x);
        return { sum, sums: sum };
      });
      output('sum', sum);
      output('sums', sums);
    });
    expect(model.mainGraph.outputs.map((id) => formatType(model.value(id).type))).toEqual([
      'float32[2]',
      'float32[?, 2]',
    ]);
  });

  it('keeps values of a body inside it, and state out of it', () => {
    expect(
      codeOf(() => {
        const x = input('x', float32, [2]);
        let leaked = x;
        ifElse(
          x.reduceSum({ keepdims: false }).greater(0),
          () => (leaked = x.relu() as never),
          () => x,
        );
        output('y', leaked);
      }),
    ).toBe('BB316');
    expect(
      codeOf(() => {
        const x = input('x', float32, [2]);
        ifElse(
          x.reduceSum({ keepdims: false }).greater(0),
          () => x.orElse(0),
          () => x,
        );
      }),
    ).toBe('BB317');
  });
});
