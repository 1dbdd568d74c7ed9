// Component calls through the compiler: what fills their slots, and which fragment each belongs to.

import { describe, expect, test } from 'vitest';
import type { Program } from '../../compiler/pass.ts';
import { cohort, constant, float32, index, input, module, output, peer, protocol } from '../../dsl/index.ts';
import { DiagnosticError } from '../../ir/index.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';

const server = peer('server');

const programOf = (body: () => void): Program =>
  compiled(recorded(module('m', body)), topologyOf('server')).deployment!.programs[0]!;

/** Op type and fragment of each call, and of what it works with, in schedule order. */
const fragmentsOf = ({ model, fragments }: Program): readonly string[] =>
  model.mainGraph.ops.map((id) => `${model.op(id).type} ${fragments[id]}`);

const raft = {
  methods: {
    Propose: {
      kind: 'ask',
      inputs: [{ name: 'value', dtype: 'float32', shape: ['N'] }],
      options: {},
      outputs: [{ name: 'at', dtype: 'int64', shape: [] }],
    },
    Forget: {
      kind: 'update',
      inputs: [{ name: 'before', dtype: 'int64', shape: [] }],
      options: {},
      outputs: [],
    },
    Term: { kind: 'query', inputs: [], options: {}, outputs: [{ name: 'term', dtype: 'int64', shape: [] }] },
  },
} as const;

describe('components', () => {
  test('a query after an update belongs to a later fragment, one before it to the same', () => {
    const program = programOf(() => {
      const near = index('near', { at: server, use: { kind: 'hnsw', m: 8 } });
      const x = input('x', float32, [2, 3], { at: server });
      const before = near.search(x, 1);
      near.add([1, 2], x);
      const after = near.search(x, 1);
      output('before', before.ids);
      output('after', after.ids);
    });
    expect(fragmentsOf(program)).toEqual(['Search 0', 'Add 0', 'Search 1']);
    expect(program.slots).toEqual([
      { name: 'near', role: 'index', component: 'near', options: { kind: 'hnsw', m: 8 } },
    ]);
  });

  test('an ask ends its fragment, and what uses its answer is in the next', () => {
    const program = programOf(() => {
      const group = protocol('raft', raft, { at: server });
      const x = input('x', float32, [2], { at: server });
      const at = group.propose(x.neg());
      output('next', at.add(constant(1n)));
      group.forget(3);
      output('term', group.term());
    });
    expect(fragmentsOf(program).map((one) => one.replace(/^\d+ /, 'segment '))).toEqual([
      expect.stringMatching(/ 0$/),
      'Propose 1',
      'Forget 1',
      expect.stringMatching(/ 1$/),
      'Term 2',
    ]);
    expect(program.slots.at(-1)).toMatchObject({
      role: 'protocol',
      methods: {
        Propose: {
          kind: 'ask',
          inputs: [{ dtype: 'float32', shape: [2] }],
          outputs: [{ dtype: 'int64', shape: [] }],
        },
        Forget: { kind: 'update', outputs: [] },
        Term: { kind: 'query' },
      },
    });
  });

  test('two slots may share a component', () => {
    const program = programOf(() => {
      const near = index('near', { at: server, component: 'dht' });
      const x = input('x', float32, [2, 3], { at: server });
      near.add([1, 2], x);
      output('size', near.size());
    });
    expect(program.slots.map(({ name, component }) => [name, component])).toEqual([['near', 'dht']]);
  });

  test.each([
    [
      'another component is called that',
      () => [index('near', { at: server }), index('near', { at: server })],
    ],
    ['search: queries has 1 dimensions, not 2', () => index('near', { at: server }).search(constant([1]), 1)],
    [
      'add: vectors has 3 at dimension 0, not 2',
      () => index('near', { at: server }).add([1, 2], constant([[1], [2], [3]])),
    ],
    [
      'search: queries is float64, not float32',
      () => index('near', { at: server }).search(constant([[1]], 'float64') as never, 1),
    ],
  ])('refuses: %s', (reason, body) => {
    const attempt = () => recorded(module('m', () => void body()));
    expect(attempt).toThrow(DiagnosticError);
    expect(attempt).toThrow(reason);
  });

  test('a cohort has a component at each member', () => {
    const model = recorded(
      module('m', () => {
        const phones = cohort('phone');
        const near = index('near', { at: phones.each });
        output('sizes', near.size().collect({ at: server }).values);
      }),
    );
    const { programs } = compiled(model, topologyOf('server', 'phone*2')).deployment!;
    expect(programs.map(({ slots }) => slots.map(({ role }) => role))).toEqual(
      expect.arrayContaining([['index']]),
    );
  });
});
